/** Whether others see that this person types, and what this person has read. Each goes both ways. */
import { s } from '../../strings/index.js';
import { call } from '../actions.js';
import { useEngine } from '../store.js';

export function TalkSettings() {
  const talk = useEngine((engine) => engine.talk);
  return (
    <section class="talk-settings">
      <h2>{s.talk.settings}</h2>
      <Choice about="typing" on={talk.typing} label={s.talk.showTyping} />
      <Choice about="read" on={talk.read} label={s.talk.showRead} />
      <p class="fine">{s.talk.bothWays}</p>
    </section>
  );
}

/** @param {{about: 'typing' | 'read', on: boolean, label: string}} props */
const Choice = ({ about, on, label }) => {
  /** @param {import('preact').TargetedEvent<HTMLInputElement>} event */
  const change = async ({ currentTarget: box }) => {
    try {
      await call('setTalk', { about, on: box.checked });
    } catch (error) {
      box.checked = on; // what could not be kept is not shown
      throw error;
    }
  };
  return (
    <label class="choice">
      <input type="checkbox" checked={on} onChange={change} />
      <span>{label}</span>
    </label>
  );
};
