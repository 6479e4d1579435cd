#pragma once

#include <memory>
#include <type_traits>
#include <utility>

namespace carillon {

template <class Signature>
class function_ref;

/// Something that can be called, by reference: for a parameter that is called before the function returns (C++26
/// std::function_ref). Allocates nothing. Valid as long as what it was made of.
template <class Result, class... Arguments>
class function_ref<Result(Arguments...)> {
public:
    template <class Callable>
    requires(!std::is_same_v<std::remove_cvref_t<Callable>, function_ref> &&
             std::is_invocable_r_v<Result, Callable&, Arguments...>) function_ref(Callable&& what)
    noexcept // NOLINT: it is meant to be made of what is given
        : what_{const_cast<void*>(static_cast<const void*>(std::addressof(what)))},
          call_{[](void* of, Arguments... with) -> Result {
              return (*static_cast<std::remove_reference_t<Callable>*>(of))(std::forward<Arguments>(with)...);
          }} {}

    Result operator()(Arguments... with) const { return call_(what_, std::forward<Arguments>(with)...); }

private:
    void* what_;
    Result (*call_)(void*, Arguments...);
};

} // namespace carillon
