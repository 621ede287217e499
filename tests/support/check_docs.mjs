/**
 * What the documents say must hold: README's C program is the file that the tests compile, and every link to a
 * file of this repository leads somewhere.
 */
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';

const problems = [];
const readme = readFileSync('README.md', 'utf8');

const named = readme.match(/<!-- program: (\S+) -->\s*```c\n([\s\S]*?)```/);
if (!named) problems.push('README.md: no C program marked with <!-- program: FILE -->');
else if (!existsSync(named[1])) problems.push(`README.md: ${named[1]} does not exist`);
else if (readFileSync(named[1], 'utf8').trim() !== named[2].trim()) problems.push(`README.md: its C program differs from ${named[1]}`);

const slug = (title) => title.trim().toLowerCase().replace(/[`*]/g, '').replace(/[^\p{L}\p{N} _-]/gu, '').replace(/ /g, '-');
const anchors = (file) => [...readFileSync(file, 'utf8').replace(/```[\s\S]*?```/g, '').matchAll(/^#+ (.*)$/gm)].map((m) => slug(m[1]));
const files = ['README.md', 'CONTRIBUTING.md', ...readdirSync('docs').filter((f) => f.endsWith('.md')).map((f) => `docs/${f}`)];
for (const file of files) {
  if (!existsSync(file)) {
    problems.push(`${file} is missing`);
    continue;
  }
  const text = readFileSync(file, 'utf8').replace(/```[\s\S]*?```/g, '').replace(/`[^`\n]*`/g, '');
  for (const [, target] of text.matchAll(/\]\(([^)\s]+)\)/g)) {
    if (/^[a-z]+:/.test(target)) continue;
    const [path, anchor] = target.split('#');
    const whole = path ? join(dirname(file), path) : file;
    if (!existsSync(whole)) problems.push(`${file}: ${target} leads nowhere`);
    else if (anchor && whole.endsWith('.md') && !anchors(whole).includes(anchor)) problems.push(`${file}: ${target} has no such heading`);
  }
}
if (problems.length) {
  console.log(problems.join('\n'));
  process.exit(1);
}
