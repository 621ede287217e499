/** Makes a copy of the identity, or takes over the identity of a copy. */
import { s } from '../../strings/index.js';
import { BackButton } from './BackButton.jsx';
import { BackupLoad } from './BackupLoad.jsx';
import { BackupSave } from './BackupSave.jsx';

export function IdentityScreen() {
  return (
    <div class="page">
      <header class="bar">
        <BackButton />
        <h1>{s.backup.heading}</h1>
      </header>
      <div class="sheet">
        <p class="lead">{s.backup.lead}</p>
        <div class="ways">
          <BackupSave />
          <BackupLoad />
        </div>
      </div>
    </div>
  );
}
