/** The `pairlink` program for a test: an identity file of its own, no proxy, no colour. */
import { Program, binary, run, tempDir } from './process.js';
import { join } from 'node:path';

const QUIET_ENV = {
  NO_COLOR: '1',
  http_proxy: '',
  https_proxy: '',
  HTTP_PROXY: '',
  HTTPS_PROXY: '',
  NO_PROXY: '*',
  no_proxy: '*',
};

/** Returns a path for an identity that does not exist yet. */
export const newIdentity = () => join(tempDir('pairlink-identity-'), 'identity');

/**
 * Starts `pairlink --relay URL --identity FILE ARGS…`.
 * @param {{relay?: {ws: string}|string, identity?: string, env?: object, keepOutput?: boolean, wrap?: string[]}} where
 *   wrap: a program that runs it, with its options
 */
export function startCli({ relay, identity = newIdentity(), env = {}, keepOutput = true, wrap = [] }, ...args) {
  const url = typeof relay === 'string' ? relay : relay?.ws;
  const command = [...wrap, binary('pairlink'), ...(url ? ['--relay', url] : []), '--identity', identity, ...args];
  const program = new Program(command[0], command.slice(1), {
    env: {
      ...QUIET_ENV,
      HOME: join(identity, '..'),
      XDG_CONFIG_HOME: '',
      XDG_DATA_HOME: '',
      XDG_STATE_HOME: '',
      ...env,
    },
    keepOutput,
  });
  program.identity = identity;
  return program;
}

/** Runs `pairlink` to its end: `{code, signal, stdout, stderr}`. */
export async function runCli(where, args, { input, ms } = {}) {
  const program = startCli(where, ...args);
  program.end(input);
  try {
    const result = await program.wait(ms);
    return { ...result, stdout: program.stdout, stderr: program.stderr };
  } finally {
    if (program.running) await program.kill9();
  }
}

/** Returns the ID of an identity file, which is created if missing. */
export async function idOf(identity) {
  const { code, stdout, stderr } = await run(binary('pairlink'), ['--identity', identity, 'id'], { env: QUIET_ENV });
  if (code !== 0) throw new Error(`pairlink id: ${code}\n${stderr}`);
  return stdout.trim();
}
