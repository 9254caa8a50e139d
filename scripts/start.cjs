/**
 * Starts the bundled program, `dist/program.cjs` (`scripts/bundle.ts` puts this file beside it).
 *
 * Node's own compile cache keeps a module as it is when it has just been loaded, without the functions that run later; here
 * they are in it, as far as `scripts/precompile.ts` has run them. V8 refuses what another version of it compiled; then,
 * and where there is none, the program is compiled as it goes.
 */
const { readFileSync } = require('node:fs');
const { enableCompileCache } = require('node:module');
const { Script, constants } = require('node:vm');

function compiled() {
  try {
    return readFileSync(`${__dirname}/program.code`);
  } catch {
    return undefined;
  }
}

// For the modules that are not in the bundle. Beside the program, where only its owner can write, never in a shared folder.
enableCompileCache(`${__dirname}/compiled`);
const filename = `${__dirname}/program.cjs`;
// It is ASCII throughout: one byte a character takes half the memory and time.
const source = `(function (require, module, exports, __filename, __dirname) {${readFileSync(filename, 'latin1')}\n})`;
const script = new Script(source, {
  filename,
  cachedData: compiled(),
  importModuleDynamically: constants.USE_MAIN_CONTEXT_DEFAULT_LOADER,
});
script.runInThisContext()(require, module, exports, filename, __dirname);

module.exports = script;
