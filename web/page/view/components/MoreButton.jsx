import { s } from '../../strings/index.js';
import { go } from '../store.js';
import { Icon } from './Icon.jsx';

export function MoreButton() {
  return (
    <button
      type="button"
      class="button button-icon"
      aria-label={s.list.settings}
      title={s.list.settings}
      onClick={() => go({ screen: 'settings' })}
    >
      <Icon name="gear" />
    </button>
  );
}
