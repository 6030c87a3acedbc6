#!/usr/bin/env node
'use strict';
// CommonJS, as all that is packed: Node takes half as long again until a module may run, and longer to load many of them.
// Enough to answer this before anything is loaded.
const { readFileSync, writeSync } = require('node:fs');
const { join } = require('node:path');

const [word, ...others] = process.argv.slice(2);
if (others.length > 0 || (word !== '--version' && word !== '-V') || !tellVersion()) require('./process.js');

/** @returns false where that cannot be written: the program says so as it always does */
function tellVersion() {
  const { version } = JSON.parse(readFileSync(join(__dirname, '..', 'package.json'), 'utf8'));
  const text = `${version}\n`;
  try {
    // Not by process.stdout, for which Node loads all of its network. So little is written as a whole, or not at all.
    return writeSync(1, text) === text.length;
  } catch {
    return false;
  }
}
