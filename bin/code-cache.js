'use strict';
// What V8 made of the program, kept from one run to the next: reading and compiling it again is a third of the time that
// a command takes to start. Node's own (module.enableCompileCache) is not in Node 20, and reads what anybody wrote.
const { accessSync, closeSync, constants, existsSync, fstatSync, mkdirSync, openSync } = require('node:fs');
const { readFileSync, renameSync, rmSync, writeFileSync } = require('node:fs');
const Module = require('node:module');
const { basename, dirname, isAbsolute, join } = require('node:path');
const { Script, constants: contexts } = require('node:vm');
const { crc32 } = require('node:zlib');

/** Of each build its own, by the hash in its name: V8 itself compares no more of a source than its length. */
const HASHED = /-[\w-]{8}\.cjs$/;

/**
 * Has the files of the program loaded with what was kept of them. Whatever is wrong with it, they are compiled as ever.
 * @param program the directory of the files
 * @returns what keeps, at the end of a run, what was compiled in it
 */
exports.useCodeCache = (program, env) => {
  const directory = directoryOf(env);
  // Node 22.0 and 22.1 have none.
  if (directory === undefined || crc32 === undefined) return () => undefined;
  const compiled = new Map();
  const load = Module._extensions['.js'];
  Module._extensions['.cjs'] = (module, filename) => {
    if (dirname(filename) !== program || !HASHED.test(filename)) {
      load(module, filename);
      return;
    }
    const kept = join(directory, `${basename(filename)}.bin`);
    const cachedData = readOwn(kept);
    const script = new Script(Module.wrap(readFileSync(filename, 'utf8')), {
      filename,
      cachedData,
      importModuleDynamically: contexts.USE_MAIN_CONTEXT_DEFAULT_LOADER,
    });
    if (cachedData === undefined || script.cachedDataRejected) compiled.set(kept, script);
    const { exports } = module;
    script
      .runInThisContext()
      .call(exports, exports, Module.createRequire(filename), module, filename, program);
  };
  return () => {
    if (compiled.size > 0) keep(directory, compiled);
  };
};

/** In the user's own cache, or undefined where there is none or Node was told to keep nothing. */
function directoryOf({ NODE_DISABLE_COMPILE_CACHE: off, XDG_CACHE_HOME: cache, HOME: home }) {
  if (off) return undefined;
  const own = `${process.version}-${process.arch}`;
  if (cache && isAbsolute(cache)) return join(cache, 'sessionctl', own);
  return home && isAbsolute(home) ? join(home, '.cache', 'sessionctl', own) : undefined;
}

/** What is run is code: it has to be this user's own, and nobody else may have written it. */
function readOwn(file) {
  let fd;
  try {
    fd = openSync(file, constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0));
    const { uid, mode } = fstatSync(fd);
    const own = process.geteuid?.() ?? uid;
    return uid === own && (mode & 0o022) === 0 ? checked(readFileSync(fd)) : undefined;
  } catch {
    return undefined;
  } finally {
    if (fd !== undefined) closeSync(fd);
  }
}

/** Four bytes behind it say what it was: V8 looks at its head only, and dies of what a disk made of the rest. */
function checked(file) {
  const data = file.subarray(0, -4);
  return file.length > 4 && file.readUInt32LE(data.length) === crc32(data) ? data : undefined;
}

/** A run is as good without it, so that whatever fails is left as it is. */
function keep(directory, compiled) {
  try {
    // A home that is not there is not made.
    if (!existsSync(join(directory, '..', '..', '..'))) return;
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    accessSync(directory, constants.W_OK);
    for (const [file, script] of compiled) replace(file, script.createCachedData());
  } catch {
    // Compiled again the next time.
  }
}

function replace(file, data) {
  const made = `${file}.${process.pid}`;
  const sum = Buffer.alloc(4);
  sum.writeUInt32LE(crc32(data));
  try {
    writeFileSync(made, Buffer.concat([data, sum]), { mode: 0o600, flag: 'wx' });
    renameSync(made, file);
  } catch (error) {
    rmSync(made, { force: true });
    throw error;
  }
}
