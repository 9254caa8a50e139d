import { randomBytes } from 'node:crypto';
import { Fault } from '../errors/index.ts';

/** A fresh ID: 64 hexadecimal digits. */
export function newContainerId(): string {
  return randomBytes(32).toString('hex');
}

export function isContainerId(text: string): boolean {
  return /^[0-9a-f]{64}$/.test(text);
}

/** Fault `invalid` for what cannot name a container or a volume. A leading slash, as Docker shows names, is dropped. */
export function checkedContainerName(given: string): string {
  const name = given.startsWith('/') ? given.slice(1) : given;
  if (/^[a-zA-Z0-9][a-zA-Z0-9_.-]{1,254}$/.test(name)) return name;
  throw new Fault('invalid', `invalid container name (${given}), only [a-zA-Z0-9][a-zA-Z0-9_.-] are allowed`);
}

/** A name for a container that was given none: what sediments are like, and someone who read them. */
export function randomContainerName(): string {
  return `${anyOf(adjectives)}_${anyOf(geologists)}`;
}

function anyOf(words: readonly string[]): string {
  return words[randomBytes(4).readUInt32LE() % words.length] as string;
}

const adjectives = words(`
  alluvial ancient banded basal bright brittle calm clayey clear coarse dark deep dense drifting dusty earthy even
  faint fine firm fluvial folded fossil fresh frozen gentle glacial glossy grainy granular gravelly grey hollow inland
  lacustrine laminar layered light limpid loamy lofty marine mellow misty mossy muddy narrow ochre old open pale patient
  peaty pebbled placid polar porous quiet red rippled rocky rounded sandy seasonal shallow sheltered silent silty slow
  smooth soft solid steady still stony stratified sunken tidal tilted turbid undisturbed uneven upland varved veined warm
  weathered wide windblown winter wooded young`);

const geologists = words(`
  agassiz alvarez anning antevs arduino barrande bascom beaumont bigsby boltwood bretz buckland chamberlin cuvier dana
  darwin davis dawson dolomieu emerson fisher florence geer geikie gilbert gould grabau hall hayden heezen hess hitchcock
  holmes hooke humboldt hutton johnston kelvin king lapworth lehmann lindstrom lyell mantell matthews meinesz mohorovicic
  munk murchison murray newberry nicol oldham owen patterson penck phillips playfair powell sander saussure schuchert
  sederholm sedgwick sernander smith sorby steno suess taylor tharp torell twenhofel usher vine wadia walcott walther
  wegener werner williams wilson`);

function words(text: string): readonly string[] {
  return text.trim().split(/\s+/);
}
