#include "redis/whereabouts.hpp"

namespace carillon::redis {

std::string to_string(const whereabouts& of) {
    if (of.sentinels.empty()) return to_string(of.server);
    std::string list;
    for (const place& each : of.sentinels) {
        if (!list.empty()) list += ", ";
        list += to_string(each);
    }
    return of.asked.master + " (Sentinels " + list + ")";
}

const std::string& name_at(const whereabouts& of, const place& where) noexcept {
    return of.server_name.empty() ? where.host : of.server_name;
}

} // namespace carillon::redis
