/** The first screen: invite someone, or join someone. */
import { useState } from 'preact/hooks';
import { s } from '../../strings/index.js';
import { invite } from '../actions.js';
import { useEngine } from '../store.js';
import { ChooseFirst } from './AttachButtons.jsx';
import { BackButton } from './BackButton.jsx';
import { Icon, Mark } from './Icon.jsx';
import { JoinField } from './JoinField.jsx';
import { Knocks } from './Knocks.jsx';
import { MoreButton } from './MoreButton.jsx';
import { PendingInvites } from './PendingInvites.jsx';

/** @param {{place: import('../store.js').OpenPlace}} props */
export function Home({ place }) {
  const people = useEngine((engine) => engine.contacts.length);
  const online = useEngine((engine) => engine.server.state === 'online');
  const [making, setMaking] = useState(false);
  const [typed, setTyped] = useState(false);
  const start = async () => {
    setMaking(true);
    await invite().finally(() => setMaking(false));
  };
  if (people > 0 && place.screen === 'home') {
    return (
      <div class="pick">
        <h1>{s.home.pickTitle}</h1>
        <p>{s.home.pick}</p>
      </div>
    );
  }
  return (
    <div class="home">
      {people === 0 ? (
        <header class="home-head">
          <Mark />
          <span class="wordmark">{s.app}</span>
          <MoreButton />
        </header>
      ) : (
        <header class="bar">
          <BackButton />
        </header>
      )}
      <div class="home-body">
        {people === 0 && <Knocks />}
        <h1>{people === 0 ? s.home.title : s.home.another}</h1>
        {people === 0 && (
          <p class="lead">
            <Icon name="shield" />
            {s.home.lead}
          </p>
        )}
        <div class="ways">
          <section class="way" aria-labelledby="way-invite">
            <h2 id="way-invite">{s.invite.title}</h2>
            <p>{s.invite.text}</p>
            <PendingInvites />
            <button
              type="button"
              class={`button button-wide way-start ${typed ? '' : 'button-main'}`}
              onClick={start}
              disabled={making || !online}
            >
              <Icon name="link" />
              {making ? s.invite.making : s.invite.action}
            </button>
          </section>
          <section class="way" aria-labelledby="way-join">
            <h2 id="way-join">{s.join.title}</h2>
            <p>{s.join.text}</p>
            <JoinField problem={place.problem} focus={place.focus} onTyped={setTyped} />
          </section>
        </div>
        <div class="choose-first">
          <ChooseFirst />
        </div>
      </div>
    </div>
  );
}
