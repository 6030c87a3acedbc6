'use strict';
// What V8 made of the program, kept from one run to the next: reading and compiling it again is a third of the time that
// a command takes to start. Node's own (module.enableCompileCache) is not in Node 20, and reads what anybody wrote.
const { accessSync, closeSync, constants, existsSync, fstatSync, mkdirSync, openSync } = require('node:fs');
const { readFileSync, renameSync, rmSync, writeFileSync } = require('node:fs');
const { createRequire, wrap } = require('node:module');
const { isAbsolute, join } = require('node:path');
const { Script, constants: contexts } = require('node:vm');
const { crc32 } = require('node:zlib');

/** Of each build its own, by the hash in its name: V8 itself compares no more of a source than its length. */
const HASHED = /-[\w-]{8}\.cjs$/;

/** Of Node itself: what most runs name, and do not use. */
const LATE = ['node:child_process', 'node:crypto'];

/**
 * Runs the files of the program, with what was kept of them; whatever is wrong with that, they are compiled as ever. They
 * lie beside each other and name each other so, and need none of the searching that Node does.
 * @param program the directory of the files, of which main.cjs is the first
 * @returns what that exports, and what keeps, at the end of a run, what was compiled in it
 */
exports.loadProgram = (program, env) => {
  const cache = directoryOf(env);
  const compiled = new Map();
  const modules = new Map();
  const elsewhere = createRequire(join(program, 'main.cjs'));
  const late = new Map(LATE.map((id) => [id, whenAsked(() => elsewhere(id))]));
  const find = (id) => (id.startsWith('./') ? load(id.slice(2)) : (late.get(id) ?? elsewhere(id)));

  function load(name) {
    const known = modules.get(name);
    if (known !== undefined) return known.exports;
    const module = { exports: {} };
    // Before it has run, as those that name each other see what there is so far.
    modules.set(name, module);
    try {
      const { exports } = module;
      const filename = join(program, name);
      scriptOf(name, filename).runInThisContext().call(exports, exports, find, module, filename, program);
    } catch (error) {
      modules.delete(name);
      throw error;
    }
    return module.exports;
  }

  function scriptOf(name, filename) {
    const kept = cache !== undefined && HASHED.test(name) ? join(cache, `${name}.bin`) : undefined;
    const cachedData = kept === undefined ? undefined : readOwn(kept);
    const script = new Script(wrap(readFileSync(filename, 'utf8')), {
      filename,
      cachedData,
      importModuleDynamically: contexts.USE_MAIN_CONTEXT_DEFAULT_LOADER,
    });
    const isNew = cachedData === undefined || script.cachedDataRejected;
    if (kept !== undefined && isNew) compiled.set(kept, script);
    return script;
  }

  return {
    ...load('main.cjs'),
    keep: () => {
      if (compiled.size > 0) keep(cache, compiled);
    },
  };
};

/** A module that is loaded when something of it is asked for. */
function whenAsked(load) {
  return new Proxy({}, { get: (_, name) => load()[name] });
}

/** In the user's own cache, or undefined where there is none, Node was told to keep nothing, or has no checksums (22.0, 22.1). */
function directoryOf(env) {
  if (env.NODE_DISABLE_COMPILE_CACHE || crc32 === undefined) return undefined;
  // The XDG specification has relative paths ignored.
  const base = [env.XDG_CACHE_HOME, env.HOME && join(env.HOME, '.cache')].find(
    (path) => path && isAbsolute(path),
  );
  if (base === undefined) return undefined;
  return join(base, 'sessionctl', `${process.version}-${process.arch}`);
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
