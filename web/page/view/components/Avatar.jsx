/** The first letter of a name, on a colour that depends on the ID, so that people find a contact quickly. */
const TINTS = 6;

/** @param {{id: string, name: string}} props */
export function Avatar({ id, name }) {
  const tint = (id.charCodeAt(0) * 31 + id.charCodeAt(1)) % TINTS;
  return (
    <span class={`avatar tint-${tint}`} aria-hidden="true">
      {Array.from(name)[0]?.toLocaleUpperCase()}
    </span>
  );
}
