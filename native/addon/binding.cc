// The list of what JavaScript may call, and nothing else.
#include "addon/functions.h"

namespace tsoci::addon {

Napi::Object initialize(Napi::Env env, Napi::Object exports) {
#define TSOCI_EXPORT_FUNCTION(name, function) \
  exports.Set(name, Napi::Function::New(env, function, name));
  TSOCI_ADDON_FUNCTIONS(TSOCI_EXPORT_FUNCTION)
#undef TSOCI_EXPORT_FUNCTION
  return exports;
}

}  // namespace tsoci::addon

// The macro wants a function without a namespace.
static Napi::Object Initialize(Napi::Env env, Napi::Object exports) {
  return tsoci::addon::initialize(env, exports);
}
NODE_API_MODULE(tsoci, Initialize)
