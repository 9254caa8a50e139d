/**
 * The architectures of libseccomp that a kernel on amd64 does not execute, by its build configuration and its command
 * line. Only what is certain is named: without a configuration, none.
 */
export function absentArchitectures(config: string | undefined, commandLine: string): string[] {
  if (config === undefined || !enabled(config, 'X86_64')) return [];
  const absent: string[] = [];
  if (!enabled(config, 'IA32_EMULATION')) absent.push('SCMP_ARCH_X86');
  const x32 = /(?:^|\s)syscall\.x32=(\w+)/.exec(commandLine)?.[1];
  const x32On = x32 === undefined ? !enabled(config, 'X86_X32_DISABLED') : x32 !== 'n' && x32 !== '0';
  if (!enabled(config, 'X86_X32_ABI') || !x32On) absent.push('SCMP_ARCH_X32');
  return absent;
}

function enabled(config: string, option: string): boolean {
  return config.includes(`\nCONFIG_${option}=y\n`);
}
