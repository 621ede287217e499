/**
 * A conversation as a file: JSON for programs, HTML for people. It is read a page at a time and put together from
 * Blobs, so a long history is never in memory as a whole. docs/conversation-export.md has
 * the format.
 */
import { s } from '../strings/index.js';
import { call, nameOf } from './actions.js';
import { store } from './store.js';

/** @typedef {import('../engine/types.js').Message} Message */
/** @typedef {import('../engine/types.js').ShownContact} ShownContact */

const PAGE = 500;
export const FORMAT = 'pairlink-conversation';
export const VERSION = 1;

/** @param {number | undefined | null} at */
const iso = (at) => (Number.isFinite(at) && Math.abs(Number(at)) < 8.64e15 ? new Date(Number(at)).toISOString() : null);

/**
 * Calls back with all messages of a contact, the oldest first, some at a time.
 * @param {string} contact @param {(list: Message[]) => void} take
 */
async function eachPage(contact, take) {
  for (let after = 0; ;) {
    const list = await call('messages', { contact, after, count: PAGE });
    if (list.length > 0) take(list);
    if (list.length < PAGE) return;
    after = list[list.length - 1].n;
  }
}

/** @param {ShownContact} contact */
export async function exportJson(contact) {
  const me = store.get().engine?.me;
  const head = {
    format: FORMAT,
    version: VERSION,
    exportedAt: iso(Date.now()),
    me: { id: me?.id, name: me?.name },
    contact: { id: contact.id, name: contact.name, callsThemselves: contact.hint, pairedAt: iso(contact.pairedAt) },
  };
  const parts = [new Blob([`${JSON.stringify(head, null, 1).slice(0, -2)},\n "messages": [`])];
  let first = true;
  await eachPage(contact.id, (list) => {
    const text = list.map((message) => `\n  ${JSON.stringify(messageJson(message))}`).join(',');
    parts.push(new Blob([first ? text : `,${text}`]));
    first = false;
  });
  return new Blob([...parts, '\n ]\n}\n'], { type: 'application/json' });
}

/** @param {Message} message */
export function messageJson(message) {
  const { id, mine, at, kind, text, state } = message;
  const written = /** @type {{written?: number}} */ (message).written;
  const common = {
    id,
    from: mine ? 'me' : 'contact',
    at: iso(at),
    ...(written && { written: iso(written) }),
    ...(message.kind === 'text' && message.reply && { reply: message.reply }),
    kind,
    state,
  };
  if (message.kind !== 'file') return { ...common, text };
  const { name, size, type, count, folder } = message.file;
  return { ...common, file: { name, size, type, count, folder } };
}

/** @type {Record<string, string>} */
const ENTITIES = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' };
/** @param {unknown} text */
export const escaped = (text) => String(text).replace(/[&<>"']/g, (one) => ENTITIES[one]);

const STYLE = `
:root { color-scheme: light dark; font: 1rem/1.5 system-ui, sans-serif; }
body { max-inline-size: 46rem; margin: 2rem auto; padding: 0 1rem; }
h2 { font-size: 0.875rem; text-align: center; margin: 2rem 0 1rem; opacity: 0.75; }
ol { list-style: none; padding: 0; }
li { margin-block: 0.5rem; padding: 0.5rem 0.75rem; border-inline-start: 4px solid #888; overflow-wrap: anywhere; }
li.me { border-inline-start-color: #0a7f5a; }
p { margin: 0; white-space: pre-wrap; }
small { opacity: 0.75; }
`;

/** @param {ShownContact} contact */
export async function exportHtml(contact) {
  const name = nameOf(contact);
  const title = escaped(s.export.title(name));
  const parts = [
    new Blob([
      `<!doctype html>\n<html lang="${s.language}" dir="${s.direction}">\n<head>\n<meta charset="utf-8">\n`,
      `<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">\n`,
      `<meta name="viewport" content="width=device-width">\n<title>${title}</title>\n<style>${STYLE}</style>\n</head>\n`,
      `<body>\n<h1 dir="auto">${title}</h1>\n<p>${escaped(s.export.made(Date.now()))}</p>\n<ol>\n`,
    ]),
  ];
  let day = '';
  await eachPage(contact.id, (list) => {
    const text = list.map((message) => {
      const now = new Date(message.at).toDateString();
      const heading = now === day ? '' : `</ol>\n<h2>${escaped(s.export.day(message.at))}</h2>\n<ol>\n`;
      day = now;
      return heading + messageHtml(message, name);
    });
    parts.push(new Blob(text));
  });
  return new Blob([...parts, '</ol>\n</body>\n</html>\n'], { type: 'text/html' });
}

/** @param {Message} message @param {string} name */
export function messageHtml(message, name) {
  const { mine, at } = message;
  const who = mine ? s.you : name;
  const text = message.kind === 'file' ? s.export.file(message.file.name, message.file.size) : message.text;
  const time = `<time datetime="${iso(at)}">${escaped(s.time(at))}</time>`;
  return `<li class="${mine ? 'me' : 'them'}"><small><bdi>${escaped(who)}</bdi> ${time}</small><p dir="auto">${escaped(text)}</p></li>\n`;
}

/** A name for the file that any system takes. @param {string} name @param {'json' | 'html'} ending */
export function fileNameOf(name, ending) {
  const fit = name
    .replace(/[\\/:*?"<>|\u0000-\u001f\u007f]/g, '_')
    .replace(/^\.+/, '_')
    .slice(0, 60);
  return `${fit || s.app} ${new Date().toISOString().slice(0, 10)}.${ending}`;
}
