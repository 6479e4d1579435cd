#pragma once

#include "hooks/answer.hpp"
#include "hooks/event.hpp"
#include "hooks/notice.hpp"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace carillon::hooks {

/// A field that the application shall see: name, as it was asked for, and value.
struct head_field {
    std::string name;
    std::string value;
    bool emulated = false; ///< the client's connect command has it in `headers`; else its upgrade request
    bool operator==(const head_field&) const = default;
};
using head_fields = std::vector<head_field>;

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
    /// The fields that must be kept of a connect command.
    virtual const std::vector<std::string>& emulated_fields() const {
        static const std::vector<std::string> none;
        return none;
    }
    /// `done` is called once, in time, on this thread, and never before this returns.
    virtual void ask(std::size_t whom, std::string body, std::shared_ptr<const head_fields> fields, told done) = 0;

    /// Something has happened that `whom` wants to hear of, as find() says.
    virtual void tell(std::size_t, const notice&) {}
    /// A channel of this namespace has its first subscriber on the shard, or has lost its last.
    virtual void occupy(std::string_view, std::string_view, bool) {}
    /// The number of the last event of those that clients come and go with; none: nobody hears of them.
    virtual std::optional<std::uint64_t> last_told() const { return std::nullopt; }
};

} // namespace carillon::hooks
