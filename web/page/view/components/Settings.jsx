/** Settings, one section per subject: you, this page on this device, what is kept, and technical details. */
import { s } from '../../strings/index.js';
import { call } from '../actions.js';
import { go, useEngine } from '../store.js';
import { BackButton } from './BackButton.jsx';
import { Details } from './Details.jsx';
import { Icon } from './Icon.jsx';
import { LanguageChoice } from './LanguageChoice.jsx';
import { NameForm } from './NameForm.jsx';
import { Notifications } from './Notifications.jsx';
import { TalkSettings } from './TalkSettings.jsx';
import { TurnedAway } from './TurnedAway.jsx';

export function Settings() {
  const me = useEngine((engine) => engine.me);
  return (
    <div class="page">
      <header class="bar">
        <BackButton />
        <h1>{s.settings.heading}</h1>
      </header>
      <div class="sheet settings">
        <NameForm
          label={s.settings.yourName}
          hint={s.settings.yourNameMore}
          value={me.name}
          save={(name) => call('setName', { name })}
        />
        <LanguageChoice />
        <Notifications />
        <TalkSettings />
        <TurnedAway />
        <section class="settings-ways">
          <Way to="storage" icon="box" label={s.storage.heading} />
          <Way to="identity" icon="move" label={s.settings.moveIdentity} />
          <Way to="server" icon="info" label={s.settings.serverSees} />
        </section>
        <Details />
      </div>
    </div>
  );
}

/** @param {{to: import('../store.js').Screen, icon: import('./Icon.jsx').IconName, label: string}} props */
const Way = ({ to, icon, label }) => (
  <button type="button" class="row-button" onClick={() => go({ screen: to })}>
    <span class="row-words">
      <Icon name={icon} />
      {label}
    </span>
    <Icon name="next" />
  </button>
);
