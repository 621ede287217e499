import { useRef, useState } from 'preact/hooks';
import { s } from '../../strings/index.js';
import { call } from '../actions.js';
import { chosen } from '../files.js';
import { forFolders } from './AttachButtons.jsx';

/**
 * Asks for files again whose bytes were lost when all tabs were closed.
 * @param {{message: import('../../engine/types.js').FileMessage}} props
 */
export function ChooseAgain({ message: { n, contact, file } }) {
  const input = useRef(/** @type {HTMLInputElement | null} */ (null));
  const [wrong, setWrong] = useState(false);
  /** @param {import('preact').TargetedEvent<HTMLInputElement>} event */
  const onChange = async ({ currentTarget }) => {
    setWrong(!(await call('chooseFileAgain', { contact, n, files: chosen(currentTarget.files) })));
  };
  const label = file.folder ? s.files.chooseFolder : file.group ? s.files.chooseAll : s.files.choose;
  return (
    <div class="buttons">
      <button type="button" class="button button-small button-main" onClick={() => input.current?.click()}>
        {label}
      </button>
      <input
        ref={input}
        type="file"
        hidden
        multiple
        {...(file.folder && forFolders)}
        aria-label={label}
        onChange={onChange}
      />
      {wrong && (
        <p class="note note-bad" role="status">
          {s.files.wrong}
        </p>
      )}
    </div>
  );
}
