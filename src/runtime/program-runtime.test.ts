import { ociRuntimeSuite } from './oci-runtime.suite.ts';

ociRuntimeSuite('crun');
ociRuntimeSuite('runc');
