/** Says what a person typed or pasted is: an invite link, an ID, or what is wrong with it, as a key of the strings. */

const LINK = /https?:\/\/[^\s#]+#[A-Za-z0-9_-]+/i;
const ID_CHARS = 54;

/** @returns {{kind: 'empty'|'part'|'bad'|'link'|'id', problem?: string, id?: string, link?: string, server?: string}} */
export function inspect(engine, text) {
  const typed = String(text ?? '').trim();
  if (!typed) return { kind: 'empty' };
  const link = typed.replace(/\s+/g, '').match(LINK)?.[0];
  if (link) return inspectLink(engine, link);
  if (/^https?:/i.test(typed) || typed.includes('#')) return { kind: 'bad', problem: 'linkPart' };
  return inspectId(engine, typed.replace(/[\s-]+/g, '').toLowerCase());
}

function inspectLink(engine, link) {
  let parsed;
  try {
    parsed = engine.lib.parseInviteLink(link);
  } catch {
    return { kind: 'bad', problem: 'linkBroken' };
  }
  if (parsed.id === engine.me.id) return { kind: 'bad', problem: 'own' };
  const { pinned } = engine.server;
  if (pinned && parsed.relayId && parsed.relayId !== pinned) return { kind: 'bad', problem: 'otherServer' };
  return { kind: 'link', id: parsed.id, link };
}

function inspectId(engine, id) {
  if (/[^a-z2-7]/.test(id)) return { kind: 'bad', problem: 'notAnId' };
  if (id.length < ID_CHARS) return { kind: 'part', problem: 'idShort' };
  if (id.length > ID_CHARS) return { kind: 'bad', problem: 'idLong' };
  try {
    engine.lib.parseId(id);
  } catch {
    return { kind: 'bad', problem: 'idTypo' };
  }
  if (id === engine.me.id) return { kind: 'bad', problem: 'own' };
  return { kind: 'id', id };
}
