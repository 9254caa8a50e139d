import { parseBoolean, parseCsv } from './csv.ts';
import type { Device } from './instruction.ts';
import { didYouMean } from './suggestion.ts';

export type DeviceResult =
  | { readonly kind: 'device'; readonly device: Device }
  | { readonly kind: 'invalid'; readonly message: string };

/** Reads a `--device`: `vendor.com/class=name[,required]`, or the name as `name=…`. */
export function parseDevice(text: string): DeviceResult {
  const fields = parseCsv(text);
  if (fields === undefined) return invalid(`failed to parse csv devices: ${text}`);
  let name = '';
  let required = false;
  for (const field of fields) {
    const equals = field.indexOf('=');
    const key = (equals < 0 ? field : field.slice(0, equals)).toLowerCase();
    const value = equals < 0 ? undefined : field.slice(equals + 1);
    if (key === 'required') {
      const flag = value === undefined ? true : parseBoolean(value);
      if (flag === undefined) return invalid(`invalid value for required: ${value}`);
      required = flag;
    } else if (key === 'name' && value !== undefined) {
      if (name !== '') return invalid(`device name already set to ${name}`);
      name = value;
    } else if (name === '') name = field;
    else if (value === undefined) return invalid(`invalid field '${field}' must be a key=value pair`);
    else return invalid(`unexpected key '${key}' in '${field}'${didYouMean(key, ['name', 'required'])}`);
  }
  return { kind: 'device', device: { name, required } };
}

function invalid(message: string): DeviceResult {
  return { kind: 'invalid', message };
}
