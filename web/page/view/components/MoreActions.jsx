/** The button that opens the menu of a message, shown with the pointer or the focus. The list handles the click. */
import { s } from '../../strings/index.js';
import { Icon } from './Icon.jsx';

export const MoreActions = () => (
  <button type="button" class="message-more" tabIndex={-1} aria-haspopup="menu" aria-label={s.talk.actions}>
    <Icon name="more" />
  </button>
);
