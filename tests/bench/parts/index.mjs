/**
 * What is measured besides the cells and the memory of idle sockets, the most important first. Each part has
 *
 *   name      of `--extra` and of its figures in docs/bench/results.json
 *   group     'relay' (the default), 'programs' (./dev bench --e2e) or 'pages' (./dev bench --page)
 *   needs     the most seconds that it takes on a quiet machine; publish.mjs leaves it out when less is left
 *   missing   () → the program that it needs and this machine lacks, or null; may be left out
 *   measure   ({ rounds, seconds, quick, progress, left }) → its figures, as JSON
 *   targets   (figures) → [{ what, reached, limit, unit = '×', atLeast = false }]
 *   lines     (figures) → sentences for docs/bench/README.md
 */
import { FROZEN_RECEIVERS, SLOW_RECEIVERS } from './blocked.mjs';
import { CONVERSATION } from './conversation.mjs';
import { DEPARTURES } from './departures.mjs';
import { DISCONNECTS } from './disconnects.mjs';
import { FILES, PAGE_FILES } from './files.mjs';
import { IDLE_SOCKETS } from './idle.mjs';
import { INSTRUCTIONS } from './instructions.mjs';
import { LOGINS_PER_CORE } from './logins.mjs';
import { LATENCY } from './latency.mjs';
import { MANY_PEERS } from './many_peers.mjs';
import { MANY_PEERS_JS } from './many_peers_js.mjs';
import { OUTAGE_OF_RELAY } from './outage.mjs';
import { PAGES, VISITS } from './pages.mjs';
import { CLIENTS, TRANSFERS } from './programs.mjs';
import { REGISTRATIONS } from './registrations.mjs';
import { SMALL_FILES } from './small_files.mjs';
import { LOGIN_STORM } from './storm.mjs';
import { TLS_COSTS } from './tls.mjs';
import { SPREAD_CONNECTIONS, WORKERS } from './workers.mjs';

export const PARTS = [
  LOGIN_STORM,
  LOGINS_PER_CORE,
  TLS_COSTS,
  IDLE_SOCKETS,
  FROZEN_RECEIVERS,
  SLOW_RECEIVERS,
  OUTAGE_OF_RELAY,
  REGISTRATIONS,
  CLIENTS,
  MANY_PEERS,
  MANY_PEERS_JS,
  TRANSFERS,
  SMALL_FILES,
  FILES,
  PAGES,
  PAGE_FILES,
  VISITS,
  CONVERSATION,
  SPREAD_CONNECTIONS,
  WORKERS,
  DISCONNECTS,
  DEPARTURES,
  LATENCY,
  INSTRUCTIONS,
];

export const partOf = (name) => PARTS.find((part) => part.name === name);
export const partsOf = (group) => PARTS.filter((part) => (part.group ?? 'relay') === group);

/**
 * Measures these parts. Returns the figures of each that could be measured, by its name, and those that could not, with
 * the reason: `lacking` when a program is missing, `failed` when an error came.
 */
export async function measureParts(parts, options, say = () => {}) {
  const result = { figures: {}, lacking: [], failed: [] };
  for (const part of parts) {
    const missing = part.missing?.();
    if (missing) {
      say(`${part.name}: left out, there is no ${missing}`);
      result.lacking.push({ part: part.name, why: `no ${missing}` });
      continue;
    }
    options.progress?.(part.name);
    try {
      result.figures[part.name] = await part.measure(options);
    } catch (error) {
      options.progress?.('');
      say(`${part.name}: ${error.message}`);
      result.failed.push({ part: part.name, why: reasonOf(error) });
    }
  }
  options.progress?.('');
  return result;
}

/** Returns the first line of an error's message, for the documents. */
export const reasonOf = (error) => String(error.message).split('\n')[0].slice(0, 200);

/** Joins what `read` makes of the figures of each part. When it cannot, because earlier figures have another form,
 * calls `unreadable(name, error)` and goes on with the next part. */
function ofParts(figures, read, unreadable) {
  return PARTS.filter(({ name }) => figures[name]).flatMap((part) => {
    try {
      return read(part, figures[part.name]);
    } catch (error) {
      unreadable(part.name, error);
      return [];
    }
  });
}

const rethrow = (name, error) => {
  throw new Error(`the figures of ${name} have another form: ${error.message}`, { cause: error });
};

/** Returns the targets of all parts that were measured; `figures` has them by name. */
export const targetsOfParts = (figures, unreadable = rethrow) =>
  ofParts(figures, (part, own) => part.targets(own), unreadable);

/** Returns the sentences of all parts that were measured. */
export const linesOfParts = (figures, unreadable = rethrow) =>
  ofParts(figures, (part, own) => part.lines(own), unreadable);
