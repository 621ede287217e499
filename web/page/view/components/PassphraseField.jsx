/** A passphrase with its label; what is wrong with it, or what it should be like, below. */
import { useId } from 'preact/hooks';

export function PassphraseField({ label, value, change, autocomplete, hint, problem }) {
  const id = useId();
  return (
    <div>
      <label for={id}>{label}</label>
      <input
        id={id}
        class="field"
        type="password"
        dir={value ? 'auto' : undefined}
        value={value}
        autocomplete={autocomplete}
        aria-invalid={Boolean(problem)}
        aria-describedby={`${id}-note`}
        onInput={(event) => change(event.currentTarget.value)}
      />
      <p id={`${id}-note`} class={`note ${problem ? 'note-bad' : ''}`} role="status">
        {problem || hint}
      </p>
    </div>
  );
}
