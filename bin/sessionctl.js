#!/usr/bin/env node
'use strict';
// CommonJS, as all that is packed: Node takes half as long again until a module may run, and longer to load many of them.
// Enough to answer this before anything is loaded.
const { readFileSync } = require('node:fs');
const { join } = require('node:path');

const [word, ...others] = process.argv.slice(2);
const goOn = () => require('./process.js');
if (others.length > 0 || (word !== '--version' && word !== '-V')) {
  goOn();
} else {
  const { version } = JSON.parse(readFileSync(join(__dirname, '..', 'package.json'), 'utf8'));
  process.stdout.on('error', () => undefined);
  process.stdout.write(`${version}\n`, (error) => {
    // Where that cannot be written, the program says so as it always does.
    if (error) goOn();
  });
}
