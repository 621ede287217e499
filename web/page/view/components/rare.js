/** What few visits need: one file, loaded when the first of them is shown. */
export { ShareScreen } from './ShareScreen.jsx';
export { Viewer } from './Viewer.jsx';
export { WaitingFiles } from './WaitingFiles.jsx';
