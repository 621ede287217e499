/** A field for a name, with a button that saves it and says whether that was done. */
import { useId, useState } from 'preact/hooks';
import { s } from '../../strings/index.js';

/**
 * @param {{label: string, hint: string, value: string, placeholder?: string, save: (name: string) => Promise<unknown>}}
 *   props
 */
export function NameForm({ label, hint, value, placeholder, save }) {
  const id = useId();
  const [name, setName] = useState(value);
  const [said, setSaid] = useState('');
  /** @param {Event} event */
  const submit = async (event) => {
    event.preventDefault();
    setSaid(
      await save(name.trim()).then(
        () => s.settings.saved,
        () => s.unsaved,
      ),
    );
  };
  /** @param {import('preact').TargetedEvent<HTMLInputElement>} event */
  const change = (event) => {
    setName(event.currentTarget.value);
    setSaid('');
  };
  return (
    <form class="name-form" onSubmit={submit}>
      <label for={id}>{label}</label>
      <div class="name-ask-line">
        <input
          id={id}
          class="field"
          dir={name ? 'auto' : undefined}
          value={name}
          maxLength={48}
          placeholder={placeholder}
          autocomplete="off"
          aria-describedby={`${id}-hint`}
          onInput={change}
        />
        <button type="submit" class="button">
          {s.save}
        </button>
      </div>
      <p id={`${id}-hint`} class="fine">
        {hint} <span role="status">{said}</span>
      </p>
    </form>
  );
}
