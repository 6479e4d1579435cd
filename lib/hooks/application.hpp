#pragma once

#include "hooks/answer.hpp"
#include "hooks/event.hpp"

#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace carillon::hooks {

/// Fields of a client's upgrade request that the application shall see: name, as it was asked for, and value.
using head_fields = std::vector<std::pair<std::string, std::string>>;

/// Whoever is asked what clients may do, as a shard sees it. Thread: the shard's.
class application {
public:
    using told = std::function<void(answer)>;

    virtual ~application() = default;

    /// Who is asked about `what`, in a channel of this namespace; none: nobody, the gateway decides.
    virtual std::optional<std::size_t> find(event what, std::string_view name_space) const = 0;
    /// The fields that must be kept of an upgrade request.
    virtual const std::vector<std::string>& fields() const = 0;
    /// Whether anything but connects is asked about with these fields, so that they are needed longer.
    virtual bool needs_fields_later() const = 0;
    /// `done` is called once, in time, on this thread, and never before this returns.
    virtual void ask(std::size_t whom, std::string body, std::shared_ptr<const head_fields> fields, told done) = 0;
};

} // namespace carillon::hooks
