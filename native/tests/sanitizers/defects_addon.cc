// An addon that commits the defect that TSOCI_DEFECT names when an engine loads it.
#include <node_api.h>
#include <stdlib.h>

#include "tests/sanitizers/defects.h"

extern "C" NAPI_EXTERN napi_value napi_register_module_v1(napi_env, napi_value exports) {
  const char* name = getenv("TSOCI_DEFECT");
  if (name == nullptr || !tsoci::tests::commit_defect(name)) abort();
  return exports;
}
