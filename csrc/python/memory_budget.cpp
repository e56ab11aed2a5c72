#include "python/memory_budget.h"

#include <map>

#include "autograd/budget.h"
#include "python/caster.h"
#include "python/module.h"
#include "python/user_frame.h"

namespace py = pybind11;

namespace pyautograd::python {

namespace {

// A budget of the thread that entered it.
class PyBudget {
 public:
  PyBudget(size_t limit, bool always) : limit_(limit), always_(always) {
    if (limit == 0) value_error("[memory_budget] the budget must be positive");
  }

  void enter() {
    if (keeper_) runtime_error("[memory_budget] this budget is entered already");
    Keeper& mine = Keeper::mine();
    id_ = mine.enter(limit_, always_);
    keeper_ = &mine;
  }
  void leave() {
    if (!keeper_) return;
    if (keeper_ != &Keeper::mine())
      runtime_error("[memory_budget] a budget must be left by the thread that entered it");
    counts_ = keeper_->counts();
    std::exchange(keeper_, nullptr)->leave(id_);
  }
  BudgetCounts counts() const { return keeper_ ? keeper_->counts() : counts_; }

 private:
  const size_t limit_;
  const bool always_;
  Keeper* keeper_ = nullptr;
  uint64_t id_ = 0;
  BudgetCounts counts_;
};

// The running line of the user's program as "file:line", made once per line.
const std::string* user_place() {
  static auto* places = new std::map<std::pair<PyObject*, int>, std::string>;
  const py::object frame = user_frame();
  if (!frame) return nullptr;
  auto* raw = reinterpret_cast<PyFrameObject*>(frame.ptr());
  py::object code =
      py::reinterpret_steal<py::object>(reinterpret_cast<PyObject*>(PyFrame_GetCode(raw)));
  const std::pair key(code.ptr(), PyFrame_GetLineNumber(raw));
  auto found = places->find(key);
  if (found == places->end()) {
    const std::string file = py::str(code.attr("co_filename"));
    found = places->emplace(key, concat(file, ":", key.second)).first;
    code.release();  // its address is a key from now on
  }
  return &found->second;
}

}  // namespace

void note_handle(const Tensor& x) noexcept {
  try {
    note_place(*x.body(), user_place);
  } catch (const std::exception&) {  // a place is only for messages
    PyErr_Clear();
  }
}

void bind_memory_budget(py::module_& module) {
  py::class_<PyBudget>(module, "MemoryBudget",
                       "Keeps the bytes of tensors below a limit while this thread is inside.")
      .def(py::init<size_t, bool>(), py::arg("limit"), py::kw_only(), py::arg("always") = false)
      .def("enter", &PyBudget::enter)
      .def("leave", &PyBudget::leave)
      .def("counts", [](const PyBudget& self) {
        const BudgetCounts counts = self.counts();
        return std::tuple(counts.dropped, counts.made_again, counts.trace);
      });
}

}  // namespace pyautograd::python
