#include "hooks/operation/kfuncs.hpp"

namespace ring3::hooks {

void set_result(UringBpfData* data, int32_t res) {
  data->res = res;
  data->failed |= res < 0;
}

}  // namespace ring3::hooks
