/** One's own name and ID, and the details for the curious. */
import { s } from '../../strings/index.js';
import { call } from '../actions.js';
import { go, useStore } from '../store.js';
import { BackButton } from './BackButton.jsx';
import { CopyButton } from './CopyButton.jsx';
import { Details } from './Details.jsx';
import { Icon } from './Icon.jsx';
import { Key } from './Key.jsx';
import { LanguageChoice } from './LanguageChoice.jsx';
import { NameForm } from './NameForm.jsx';
import { Notifications } from './Notifications.jsx';

export function Settings() {
  const me = useStore(({ engine }) => engine.me);
  return (
    <div class="page">
      <header class="bar">
        <BackButton />
        <h1>{s.settings.heading}</h1>
      </header>
      <div class="sheet">
        <NameForm
          label={s.settings.yourName}
          hint={s.settings.yourNameMore}
          value={me.name}
          save={(name) => call('setName', { name })}
        />
        <section>
          <h2>{s.settings.yourId}</h2>
          <Key value={me.id} />
          <p class="fine">{s.settings.yourIdMore}</p>
          <div class="buttons">
            <CopyButton text={me.id} label={s.settings.copyId} />
          </div>
        </section>
        <LanguageChoice />
        <Notifications />
        <section>
          <Way to="identity" icon="move" label={s.settings.moveIdentity} />
          <Way to="server" icon="info" label={s.settings.serverSees} />
        </section>
        <Details />
      </div>
    </div>
  );
}

const Way = ({ to, icon, label }) => (
  <button type="button" class="row-button" onClick={() => go({ screen: to })}>
    <span class="row-words">
      <Icon name={icon} />
      {label}
    </span>
    <Icon name="next" />
  </button>
);
