/** Turns notifications on and off. Only a click here makes the browser ask for permission. */
import { useState } from 'preact/hooks';
import { s } from '../../strings/index.js';
import { notificationState, turnNotifications } from '../notifications.js';

export function Notifications() {
  const [state, setState] = useState(notificationState);
  const turn = async () => setState(await turnNotifications(state === 'off'));
  return (
    <section>
      <h2>{s.notify.title}</h2>
      <p class="fine">{s.notify.text}</p>
      {state === 'no' || state === 'denied' ? (
        <p role="status">{s.notify[state]}</p>
      ) : (
        <div class="buttons buttons-line">
          <p role="status">{state === 'on' ? s.notify.isOn : s.notify.isOff}</p>
          <button type="button" class="button" onClick={turn}>
            {state === 'on' ? s.notify.off : s.notify.on}
          </button>
        </div>
      )}
    </section>
  );
}
