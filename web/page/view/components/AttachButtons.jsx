/** Files and folders by the system's picker. */
import { useRef } from 'preact/hooks';
import { s } from '../../strings/index.js';
import { chosen, sendFiles } from '../files.js';
import { Icon } from './Icon.jsx';

const folders = 'webkitdirectory' in HTMLInputElement.prototype;

export function AttachButtons({ contact }) {
  return (
    <>
      <Picker contact={contact} icon="clip" label={s.files.attach} />
      {folders && <Picker contact={contact} icon="folder" label={s.files.attachFolder} folder />}
    </>
  );
}

function Picker({ contact, icon, label, folder = false }) {
  const input = useRef(null);
  const onChange = ({ currentTarget }) => {
    sendFiles(contact.id, chosen(currentTarget.files));
    currentTarget.value = ''; // so that the same can be chosen again
  };
  return (
    <>
      <button
        type="button"
        class={`button button-icon${folder ? ' button-folder' : ''}`}
        aria-label={label}
        title={label}
        onClick={() => input.current.click()}
      >
        <Icon name={icon} />
      </button>
      <input
        ref={input}
        type="file"
        hidden
        multiple
        webkitdirectory={folder || undefined}
        aria-label={label}
        onChange={onChange}
      />
    </>
  );
}
