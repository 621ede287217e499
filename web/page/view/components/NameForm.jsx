/** A name with a button to keep it; says when it is kept. */
import { useId, useState } from 'preact/hooks';
import { s } from '../../strings/index.js';

export function NameForm({ label, hint, value, placeholder, save }) {
  const id = useId();
  const [name, setName] = useState(value);
  const [saved, setSaved] = useState(false);
  const submit = async (event) => {
    event.preventDefault();
    await save(name.trim());
    setSaved(true);
  };
  const change = (event) => {
    setName(event.currentTarget.value);
    setSaved(false);
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
        {hint} <span role="status">{saved && s.settings.saved}</span>
      </p>
    </form>
  );
}
