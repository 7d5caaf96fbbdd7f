'use strict';
// Finds and loads the file that a handler is in, and says in one sentence what is wrong when there is none.

const fs = require('node:fs');
const { createRequire, isBuiltin, registerHooks } = require('node:module');
const path = require('node:path');
const { pathToFileURL } = require('node:url');

const { describeExports, suggestion } = require('./exports.cjs');
const { stackOf } = require('./failures.cjs');
const { watchEnvironment } = require('./environment.cjs');

const ENDINGS = ['.js', '.mjs', '.cjs', '.ts', '.mts', '.cts'];
const TYPESCRIPT = /\.[mc]?ts$/;
const ADAPTER = /^[a-z]+(-[a-z]+)*$/;
/** The oldest Node.js that runs TypeScript without a flag. */
const STRIPS_TYPES = 'Node.js 22.18';

/** Something about the function's files that its author has to change. Its message is all that there is to say. */
class CannotLoad extends Error {}

/** The handler that `name` (FILE.EXPORT) stands for, and whether it takes the exchange as its third argument. */
async function load(name) {
  const dot = name.lastIndexOf('.');
  if (dot <= 0 || dot === name.length - 1) {
    throw new CannotLoad(`the handler is "${name}", and must be FILE.EXPORT, such as index.handler`);
  }
  const stem = name.slice(0, dot);
  const wanted = name.slice(dot + 1);
  const adapter = adapterOf(process.env.EVENTFLOW_ADAPTER);
  if (adapter !== undefined) return { handler: asJobToo(await adapted(adapter, { name, stem, wanted })), isAdapted: true };
  const { exported, shown } = await loadStem(name, stem);
  const handler = pick(exported, wanted);
  if (typeof handler !== 'function') {
    throw new CannotLoad(`${shown} exports no function "${wanted}"; it exports ${describeExports(exported)}${suggestion(exported, stem, shown)}`);
  }
  return { handler, isAdapted: false };
}

function adapterOf(name) {
  if (name === undefined || name === '') return undefined;
  const file = path.join(__dirname, '..', 'adapters', 'node', `${name}.cjs`);
  if (!ADAPTER.test(name) || !fs.existsSync(file)) throw new CannotLoad(`the adapter "${name}" is not one of the runtime node`);
  return require(file);
}

/** What an adapter makes of the function's files. */
async function adapted(adapter, { name, stem, wanted }) {
  adapter.prepare?.({ name });
  const place = { name, stem, wanted, shown: stem, exported: undefined, loadFile: loadShown };
  const isFolder = adapter.open !== undefined && fs.statSync(stem, { throwIfNoEntry: false })?.isDirectory();
  if (isFolder) return adapter.open(place);
  const { file, shown } = find(name, stem);
  Object.assign(place, { file, shown });
  try {
    place.exported = adapter.loadFile === undefined ? await loadFile(file) : await adapter.loadFile(place);
  } catch (error) {
    throw whyNot(shown, error);
  }
  try {
    return await adapter.adapt(place);
  } catch (error) {
    if (error instanceof CannotLoad && error.message.includes(' exports ')) error.message += `; it exports ${describeExports(place.exported)}`;
    throw error;
  }
}

/** A job has nobody to answer: what it results in must be whole. */
function asJobToo(handler) {
  const { settled } = require('../adapters/node/shared-web.cjs');
  return (event, context, exchange) => (exchange === undefined ? Promise.resolve(handler(event, context)).then(settled) : handler(event, context, exchange));
}

async function loadStem(name, stem) {
  const { file, shown } = find(name, stem);
  return { shown, exported: await loadShown(file) };
}

function find(name, stem) {
  const base = path.resolve(stem);
  const candidates = [...ENDINGS.map((ending) => base + ending), ...ENDINGS.map((ending) => path.join(base, `index${ending}`))];
  const file = candidates.find((candidate) => fs.existsSync(candidate));
  if (file !== undefined) return { file, shown: path.relative('.', file) };
  const tried = candidates.map((candidate) => path.relative('.', candidate)).join(', ');
  throw new CannotLoad(`the handler is "${name}", but there is no such file: looked for ${tried}`);
}

async function loadShown(file) {
  try {
    return await loadFile(file);
  } catch (error) {
    throw whyNot(path.relative('.', file), error);
  }
}

async function loadFile(file) {
  const environment = watchEnvironment();
  try {
    return TYPESCRIPT.test(file) ? await loadTypeScript(file) : await loadJavaScript(file);
  } catch (error) {
    environment.explain(error);
    throw error;
  } finally {
    environment.end();
  }
}

async function loadJavaScript(file) {
  if (!/\.m[jt]s$/.test(file)) {
    try {
      return require(file);
    } catch (error) {
      // `"type": "module"`, or a module that waits at its top: only import() loads those.
      if (error?.code !== 'ERR_REQUIRE_ESM' && error?.code !== 'ERR_REQUIRE_ASYNC_MODULE') throw error;
    }
  }
  return import(pathToFileURL(file).href);
}

/** Node's own type stripping where it is there and enough; else the compiler that the function brings. */
async function loadTypeScript(file) {
  const compiler = compilerOf(file);
  if (!process.features.typescript) {
    if (compiler !== undefined) return loadCompiled(compiler, file);
    throw new CannotLoad(
      `${path.relative('.', file)} is TypeScript, which Node.js ${process.versions.node} cannot run: compile it in a build step ` +
        `("scripts": { "build": "tsc" } in package.json), add "typescript" to "dependencies", or ask for ${STRIPS_TYPES} or newer`,
    );
  }
  findTypeScript();
  try {
    return await loadJavaScript(file);
  } catch (error) {
    // Enums and the like are more than types.
    if (error?.code !== 'ERR_UNSUPPORTED_TYPESCRIPT_SYNTAX' || compiler === undefined) throw error;
    return loadCompiled(compiler, file);
  }
}

/** TypeScript files name each other without an ending, or by that of what they would be compiled to. */
function findTypeScript() {
  registerHooks?.({
    resolve(specifier, context, next) {
      try {
        return next(specifier, context);
      } catch (error) {
        if (!/^\.\.?\//.test(specifier)) throw error;
        const others = [`${specifier}.ts`, `${specifier}/index.ts`, specifier.replace(/\.([mc]?)js$/, '.$1ts')];
        for (const other of others.filter((one) => one !== specifier)) {
          try {
            return next(other, context);
          } catch {
            // Perhaps the next one.
          }
        }
        throw error;
      }
    },
  });
}

function compilerOf(file) {
  try {
    return createRequire(file)('typescript');
  } catch {
    return undefined;
  }
}

/** Compiles each TypeScript file to CommonJS when it is required. */
function loadCompiled(typescript, file) {
  const { ModuleKind, ScriptTarget } = typescript;
  const compilerOptions = { module: ModuleKind.CommonJS, target: ScriptTarget.ES2022, esModuleInterop: true, inlineSourceMap: true };
  for (const ending of ['.ts', '.mts', '.cts']) {
    require.extensions[ending] = (module, name) => {
      const { outputText } = typescript.transpileModule(fs.readFileSync(name, 'utf8'), { compilerOptions, fileName: name });
      module._compile(outputText, name);
    };
  }
  return require(file);
}

/** What an export is called by: a name, or `default` for what CommonJS assigns to `module.exports`. */
function pick(exported, wanted) {
  const found = exported?.[wanted] ?? exported?.default?.[wanted];
  return found === undefined && wanted === 'default' ? exported : found;
}

/** The error of a file that could not be loaded, with what to do about it as its last line. */
function whyNot(shown, error) {
  if (error instanceof CannotLoad) return error;
  const hint = hintOf(error);
  return new CannotLoad(`${shown} cannot be loaded: ${stackOf(error)}${hint === undefined ? '' : `\n${shown} ${hint}`}`);
}

function hintOf(error) {
  if (error?.missingVariables?.length > 0) {
    const names = error.missingVariables.map((name) => `\`${name}\``).join(', ');
    const several = error.missingVariables.length > 1;
    return `reads ${several ? 'environment variables that are' : 'an environment variable that is'} not set, ${names}: set ${several ? 'them as secrets' : 'it as a secret'} or in "env"`;
  }
  const missing = missingModule(error);
  if (missing === undefined) {
    if (/^ERR_IMPORT_(ATTRIBUTE|ASSERTION_TYPE)_MISSING$/.test(error?.code ?? '')) {
      return 'imports a file of JSON, which Node.js wants said: import … with { type: "json" }, or bundle it in a build step';
    }
    if (error?.code !== 'ERR_UNSUPPORTED_TYPESCRIPT_SYNTAX') return undefined;
    return 'uses TypeScript that is more than types (an enum, say), which Node.js cannot strip: compile it in a build step, or add "typescript" to "dependencies"';
  }
  if (/^[./]/.test(missing) || path.isAbsolute(missing)) return `needs ${missing}, and there is no such file`;
  if (isBuiltin(missing)) return undefined;
  if (missing.startsWith('cloudflare:')) return 'needs a module of the form "cloudflare:…", which is only there on Cloudflare';
  const name = missing.split('/').slice(0, missing.startsWith('@') ? 2 : 1).join('/');
  return `needs the package "${name}", which is not installed: add it to "dependencies" in package.json`;
}

/** What could not be found, as it was asked for. */
function missingModule(error) {
  const message = typeof error?.message === 'string' ? error.message : '';
  if (error?.code === 'ERR_UNSUPPORTED_ESM_URL_SCHEME') return /'(cloudflare:[a-z-]*)'/.exec(message)?.[1];
  if (error?.code !== 'MODULE_NOT_FOUND' && error?.code !== 'ERR_MODULE_NOT_FOUND') return undefined;
  return /Cannot find (?:module|package) '([^']+)'/.exec(message)?.[1];
}

module.exports = { CannotLoad, load, pick };
