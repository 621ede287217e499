/** That the other person is typing. It lies over the end of the list, so nothing moves; it is not read aloud. */
import { s } from '../../strings/index.js';

/** @param {{typing: boolean, name: string}} props */
export const Typing = ({ typing, name }) => (typing ? <p class="typing">{s.talk.typing(name)}</p> : null);
