#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace carillon::door {

/// What a connection has between MULTI and the end of EXEC's reply.
struct transaction {
    std::vector<std::vector<std::string>> commands; ///< name and arguments of each, in the order of their coming
    std::size_t bytes = 0;                          ///< of them all
    bool refused = false; ///< one of them was wrong, so that EXEC carries out none; they are forgotten

    // Since EXEC:
    std::size_t next = 0;     ///< the command that is carried out next
    bool mute = false;        ///< CLIENT REPLY OFF was in force
    std::string replies;      ///< EXEC's array as far as it is known: it is sent as a whole
    std::string messages;     ///< what was published to this connection meanwhile, which is not for the array's middle
    bool is_too_long = false; ///< more than the connection may have in its outbox: it is ended
};

} // namespace carillon::door
