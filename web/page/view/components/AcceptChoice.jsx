/** Chooses up to which size the files of a contact are taken without asking. */
import { s } from '../../strings/index.js';
import { call, nameOf } from '../actions.js';

/** The sizes to choose from, in bytes. */
const ACCEPT_SIZES = [10_000_000, 100_000_000, 1_000_000_000];

/** @param {{contact: import('../../engine/types.js').ShownContact}} props */
export function AcceptChoice({ contact }) {
  const { id, accepts = 0 } = contact;
  /** @param {import('preact').TargetedEvent<HTMLSelectElement>} event */
  const choose = async ({ currentTarget: field }) => {
    try {
      await call('acceptUpTo', { contact: id, bytes: Number(field.value) });
    } catch (error) {
      field.value = String(accepts); // what could not be kept is not shown
      throw error;
    }
  };
  return (
    <section>
      <label for="accepts">{s.contact.accepts(nameOf(contact))}</label>
      <select id="accepts" class="field" value={String(accepts)} onChange={choose}>
        <option value="0">{s.contact.acceptsNone}</option>
        {ACCEPT_SIZES.map((bytes) => (
          <option key={bytes} value={String(bytes)}>
            {s.contact.acceptsUpTo(bytes)}
          </option>
        ))}
      </select>
      <p class="fine">{s.contact.acceptsMore}</p>
    </section>
  );
}
