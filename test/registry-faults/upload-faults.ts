import { refuse, send } from '../../src/http/scripted-server.fixture.ts';
import { on, onUpload, writing, type RegistryFault } from './registry-fault.ts';

/** What goes wrong with what is sent. */
export const uploadFaults: readonly RegistryFault[] = [
  {
    title: 'does not say where an upload goes on',
    asks: writing,
    says: /does not say where the upload goes on/,
    misbehave: onUpload('POST', (_, response) => send(response, 202)),
  },
  {
    title: 'sends an upload on to a file',
    asks: writing,
    says: /does not say where the upload goes on/,
    misbehave: onUpload('POST', (_, response) => send(response, 202, '', { location: 'file:///etc/passwd' })),
  },
  {
    title: 'sends an upload round in circles',
    asks: writing,
    says: /upload blob sha256:\w+.*redirects more than/,
    misbehave: on('upload', ({ url, request }, response) => {
      request.body.resume();
      send(response, 307, '', { location: `${url.pathname}${url.search}` });
    }),
  },
  {
    title: 'forgets every upload',
    asks: writing,
    says: /upload blob sha256:\w+.*(not found|upload unknown)/,
    misbehave: on('upload', ({ verb, request }, response) => {
      if (verb === 'POST') return false;
      request.body.resume();
      return refuse(response, 404, 'BLOB_UPLOAD_UNKNOWN', 'there is no such upload');
    }),
  },
  {
    title: 'cuts every upload',
    asks: writing,
    says: /upload blob sha256:\w+/,
    misbehave: on('upload', ({ verb, request }, response) => {
      if (verb !== 'PATCH' && verb !== 'PUT') return false;
      request.body.once('data', () => response.destroy());
      request.body.once('end', () => response.destroy());
      return true;
    }),
  },
  {
    title: 'has more and then less of an upload, and cuts it each time',
    asks: ['push'],
    says: /upload blob sha256:\w+/,
    misbehave: on('upload', ({ verb, url, request, count }, response) => {
      if (verb === 'POST') return false;
      if (verb === 'GET')
        return send(response, 204, '', { location: url.pathname, range: `0-${count % 2 === 0 ? 0 : 1_000_000}` });
      request.body.once('data', () => response.destroy());
      request.body.once('end', () => response.destroy());
      return true;
    }),
  },
  {
    title: 'says that it has another blob than was sent',
    asks: writing,
    says: /upload blob sha256:\w+.*that is something else/,
    misbehave: onUpload('PUT', ({ request }, response) => {
      request.body.resume();
      refuse(response, 400, 'DIGEST_INVALID', 'that is something else');
    }),
  },
  {
    title: 'has no room for a blob',
    asks: writing,
    says: /upload blob sha256:\w+.*status 413/,
    misbehave: on('upload', ({ verb, request }, response) => {
      if (verb === 'POST') return false;
      request.body.resume();
      return send(response, 413, '<html>Request Entity Too Large</html>');
    }),
  },
  {
    title: 'stores a manifest as another one',
    asks: writing,
    says: /put manifest .*stored it as sha256:/,
    misbehave: on('manifest', ({ verb, request }, response) => {
      if (verb !== 'PUT') return false;
      request.body.resume();
      return send(response, 201, '', { 'docker-content-digest': `sha256:${'0'.repeat(64)}` });
    }),
  },
  {
    title: 'takes everything and does not like the manifest',
    asks: writing,
    says: /put manifest .*blob unknown to registry/,
    misbehave: on('manifest', ({ verb, request }, response) => {
      if (verb !== 'PUT') return false;
      request.body.resume();
      return refuse(response, 400, 'MANIFEST_BLOB_UNKNOWN', 'blob unknown to registry');
    }),
  },
];
