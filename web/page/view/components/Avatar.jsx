/** The first letter of a name on a tint that follows from the ID, so that a list is found by eye. */
const TINTS = 6;

export function Avatar({ id, name }) {
  const tint = (id.charCodeAt(0) * 31 + id.charCodeAt(1)) % TINTS;
  return (
    <span class={`avatar tint-${tint}`} aria-hidden="true">
      {Array.from(name)[0]?.toLocaleUpperCase()}
    </span>
  );
}
