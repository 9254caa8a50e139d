const sizeUnits = ['B', 'kB', 'MB', 'GB', 'TB', 'PB'];

/** A size as Docker shows it: decimal units, three significant digits: `7.8MB`, `166MB`, `0B`. */
export function formatSize(sizeBytes: number, digits = 3): string {
  let value = sizeBytes;
  let unit = 0;
  while (value >= 1000 && unit < sizeUnits.length - 1) {
    value /= 1000;
    unit++;
  }
  return `${Number(value.toPrecision(digits))}${sizeUnits[unit] ?? ''}`;
}

/** Memory as Docker shows it: `23.54GiB`. */
export function formatMemory(sizeBytes: number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
  const unit = Math.min(sizeBytes < 1 ? 0 : Math.floor(Math.log2(sizeBytes) / 10), units.length - 1);
  return `${Number((sizeBytes / 2 ** (10 * unit)).toPrecision(4))}${units[unit] ?? ''}`;
}

/** How long ago a time (RFC 3339) was: `29 seconds ago`; `N/A` for no time. */
export function formatAge(time: string, nowMs: number): string {
  const timeMs = Date.parse(time);
  return Number.isNaN(timeMs) || timeMs <= 0 ? 'N/A' : `${formatDuration(Math.max(0, nowMs - timeMs))} ago`;
}

/** A duration in the coarse words of Docker: `About a minute`, `2 weeks`. */
export function formatDuration(durationMs: number): string {
  const seconds = Math.floor(durationMs / 1000);
  const minutes = Math.floor(durationMs / 60_000);
  const exactHours = durationMs / 3_600_000;
  const hours = Math.floor(exactHours + 0.5);
  if (seconds < 1) return 'Less than a second';
  if (seconds === 1) return '1 second';
  if (seconds < 60) return `${seconds} seconds`;
  if (minutes === 1) return 'About a minute';
  if (minutes < 60) return `${minutes} minutes`;
  if (hours === 1) return 'About an hour';
  if (hours < 48) return `${hours} hours`;
  if (hours < 24 * 7 * 2) return `${Math.floor(hours / 24)} days`;
  if (hours < 24 * 30 * 2) return `${Math.floor(hours / 24 / 7)} weeks`;
  if (hours < 24 * 365 * 2) return `${Math.floor(hours / 24 / 30)} months`;
  return `${Math.floor(exactHours / 24 / 365)} years`;
}

/** A time (RFC 3339) as Docker's lists show it: `2026-11-23 15:26:55 +0000 UTC`. */
export function formatTime(time: string): string {
  const timeMs = Date.parse(time);
  if (Number.isNaN(timeMs)) return 'N/A';
  return `${new Date(timeMs).toISOString().slice(0, 19).replace('T', ' ')} +0000 UTC`;
}

/** The text cut to so many characters, the last of which is `…` where something was cut off. */
export function ellipsis(text: string, width: number): string {
  const characters = [...text];
  return characters.length <= width ? text : `${characters.slice(0, width - 1).join('')}…`;
}

/** The twelve digits by which people know an ID or a digest. */
export function shortId(id: string): string {
  return id.replace(/^sha256:/, '').slice(0, 12);
}
