/** A field for a passphrase. Below it stands what is wrong with it, or else a hint. */
import { useId } from 'preact/hooks';

/**
 * @param {{label: string, value: string, change: (value: string) => void, autocomplete: 'new-password' |
 *   'current-password',
 *   hint?: string, problem: string}} props problem: '' if there is none
 */
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
