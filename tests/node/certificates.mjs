// Certificates that openssl makes in the folder of a test file.
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';

const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'];

export class Certificates {
  constructor(folder) { this.folder = folder; }
  path(name) { return join(this.folder, name); }
  openssl(...args) { return execFileSync('openssl', args, { cwd: this.folder, stdio: ['ignore', 'pipe', 'pipe'] }); }

  authority(name) {
    this.openssl('req', '-x509', ...key, '-keyout', `${name}.key`, '-out', `${name}.pem`, '-days', '2', '-subj', `/CN=${name}`);
  }

  /** NAME.pem and NAME.key, for which ISSUER vouches; `names` as in a certificate: 'DNS:bus.example'. */
  certificate(name, issuer, names, days = '2') {
    this.openssl('req', ...key, '-keyout', `${name}.key`, '-out', `${name}.csr`, '-subj', `/CN=${name}`);
    writeFileSync(this.path(`${name}.ext`), `subjectAltName=${names}\n`);
    this.openssl('x509', '-req', '-in', `${name}.csr`, '-CA', `${issuer}.pem`, '-CAkey', `${issuer}.key`, '-CAcreateserial',
      '-days', days, '-extfile', `${name}.ext`, '-out', `${name}.pem`);
  }
}
