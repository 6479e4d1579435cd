#include "support/allocations.hpp"
#include "upstream/upstream_rig.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>
#include <sstream>

namespace carillon::upstream {
namespace {

using namespace test;
using carillon::test::heap_use_now;

// What happens, a line each, and below it, marked, all that must follow from it: "> " a command, "! " what the listener
// hears, "= " what the driver is told to do. ">> " and raw2 are of the second connection.
struct script {
    const char* name;
    std::string lines;
    const char* password = "";
};

const char* const to_live = "time 0\n= connect\nconnected\n> HELLO 3 SETNAME carillon\ngreets\n! back\n";

// A server that does not know HELLO.
const char* const to_plain =
    "time 0\n= connect\nconnected\n> HELLO 3 SETNAME carillon\nraw -ERR unknown command 'HELLO'\n"
    "> CLIENT SETNAME carillon\n> INFO server\n> ROLE\n> PING\n"
    "raw +OK\nraw $10|standalone\nraw *3|$6|master|:1|*0\nraw +PONG\n= connect second\nconnected second\n"
    ">> CLIENT SETNAME carillon\n>> INFO server\n>> ROLE\n>> PING\n"
    "raw2 +OK\nraw2 $10|standalone\nraw2 *3|$6|master|:1|*0\nraw2 +PONG\n";

const script scripts[] = {
    {"connects at once, and is live when nothing is wanted", "time 0\n= connect\n"
                                                             "connected\n> HELLO 3 SETNAME carillon\n"
                                                             "greets\n! back\n"},
    {"says the password",
     "time 0\n= connect\nconnected\n> HELLO 3 AUTH default secret SETNAME carillon\ngreets\n! back\n", "secret"},
    {"a wrong password is a failure, tried again",
     "time 0\n= connect\nconnected\n> HELLO 3 AUTH default secret SETNAME carillon\n"
     "raw -WRONGPASS invalid username-password pair or user is disabled.\n= close\n"
     "failed WRONGPASS invalid username-password pair or user is disabled.\n"
     "time 9\ntime 1\n= connect\n",
     "secret"},
    {"a password that is missing is a failure, tried again",
     "time 0\n= connect\nconnected\n> HELLO 3 SETNAME carillon\n"
     "raw -NOAUTH HELLO must be called with the client already authenticated\n= close\n"
     "failed NOAUTH HELLO must be called with the client already authenticated\ntime 10\n= connect\n"},
    {"a server that repeats the password in its error is quoted without it",
     "time 0\n= connect\nconnected\n> HELLO 3 AUTH default secret SETNAME carillon\n"
     "raw -ERR no secret, secret\n= close\nfailed ERR no ***, ***\ntime 10\n= connect\nconnected\n"
     "> HELLO 3 AUTH default secret SETNAME carillon\n"
     "raw -ERR no luck, with args beginning with: '3' 'AUTH' 'default' 'secr\n= close\nfailed ERR no luck\n",
     "secret"},
    {"a server without RESP3 has a second connection, on which is published",
     "@plain\n! back\nplain\nwant a\n> SUBSCRIBE a\nraw *3|$9|subscribe|$1|a|:1\n! subscribed a\n"
     "publish 1 a x\n>> PUBLISH a x\nraw *3|$7|message|$1|a|$1|x\n! message a x\nraw2 :1\n! published 1 1\n"
     "raw *3|$7|message|$1|a|$0|\n! message a \nrelease a\ntime 50\n> UNSUBSCRIBE a\n"
     "raw *3|$11|unsubscribe|$1|a|:0\nchannels 0\n"},
    {"a server without RESP3 is asked the same again after a reconnect, for it may have been replaced",
     "@plain\n! back\nlost gone\n! away gone\n= close\ntime 10\n= connect\nconnected\n"
     "> HELLO 3 SETNAME carillon\ngreets\n! back\npublish 1 a x\n> PUBLISH a x\n"},
    {"what is wanted while away is asked for when both connections are there",
     "want a\n@plain\n> SUBSCRIBE a\nraw *3|$9|subscribe|$1|a|:1\n! subscribed a\n! back\n"},
    {"both connections are asked whether they are alive, the second for the role",
     "@plain\n! back\nwant a\n> SUBSCRIBE a\nraw *3|$9|subscribe|$1|a|:1\n! subscribed a\ntime 100\n> PING\n"
     ">> ROLE\nraw *2|$4|pong|$0|\nraw2 *3|$6|master|:1|*0\ntime 100\n> PING\n>> ROLE\nraw +PONG\n"
     "raw2 -ERR unknown command\n"},
    {"a server without RESP3 that is silent on its first connection is away",
     "@plain\n! back\ntime 100\n> PING\n>> ROLE\nraw2 *3|$6|master|:1|*0\ntime 299\n>> ROLE\ntime 1\n"
     "! away the server does not answer\n= close\n"},
    {"a server without RESP3 that is silent on its second connection is away",
     "@plain\n! back\npublish 1 a x\n>> PUBLISH a x\ntime 100\n> PING\n>> ROLE\nraw +PONG\ntime 199\n> PING\n"
     "time 1\n! published 1 the bus cannot be reached\n! away the server does not answer\n= close\n"},
    {"a second connection that is left unread is not frozen",
     "@plain\n! back\ntime 99\nhold2\ntime 1\n> PING\nraw +PONG\ntime 99\nread2\ntime 1\n> PING\n>> ROLE\n"},
    {"a master without RESP3 that becomes a replica is left",
     "@plain\n! back\ntime 100\n> PING\n>> ROLE\nraw2 *5|$5|slave|$1|h|:1|$9|connected|:1\n"
     "! away the server is a replica: what is published there reaches neither its master nor anybody there\n= close\n"},
    {"a replica without RESP3 is no bus",
     "time 0\n= connect\nconnected\n> HELLO 3 SETNAME carillon\nraw -ERR unknown command 'HELLO'\n"
     "> CLIENT SETNAME carillon\n> INFO server\n> ROLE\n> PING\nraw +OK\nraw $10|standalone\n"
     "raw *5|$5|slave|$1|h|:1|$9|connected|:1\n= close\n"
     "failed the server is a replica: what is published there reaches neither its master nor anybody there\n"},
    {"a Sentinel without RESP3 is no bus",
     "time 0\n= connect\nconnected\n> HELLO 3 SETNAME carillon\nraw -ERR unknown command 'HELLO'\n"
     "> CLIENT SETNAME carillon\n> INFO server\n> ROLE\n> PING\nraw +OK\nraw $10|standalone\n"
     "raw *2|$8|sentinel|*0\n= close\nfailed the server is a Sentinel, which is no bus\n"},
    {"a replica of a cluster without RESP3 is a bus",
     "time 0\n= connect\nconnected\n> HELLO 3 SETNAME carillon\nraw -ERR unknown command 'HELLO'\n"
     "> CLIENT SETNAME carillon\n> INFO server\n> ROLE\n> PING\nraw +OK\nraw $18|redis_mode:cluster\n"
     "raw *5|$5|slave|$1|h|:1|$9|connected|:1\nraw +PONG\n= connect second\n"},
    {"a proxy that knows neither HELLO nor what else is asked will do",
     "time 0\n= connect\nconnected\n> HELLO 3 SETNAME carillon\nraw -unsupported command 'hello'\n"
     "> CLIENT SETNAME carillon\n> INFO server\n> ROLE\n> PING\nraw -ERR no\nraw -ERR no\nraw -ERR no\nraw +PONG\n"
     "= connect second\nconnected second\n>> CLIENT SETNAME carillon\n>> INFO server\n>> ROLE\n>> PING\n"
     "raw2 -ERR no\nraw2 -ERR no\nraw2 -ERR no\nraw2 +PONG\n! back\n"},
    {"a server that knows HELLO and not RESP3",
     "time 0\n= connect\nconnected\n> HELLO 3 SETNAME carillon\nraw -NOPROTO unsupported protocol version\n"
     "> CLIENT SETNAME carillon\n> INFO server\n> ROLE\n> PING\n"},
    {"a server without RESP3 that is loading is a failure",
     "time 0\n= connect\nconnected\n> HELLO 3 SETNAME carillon\nraw -ERR unknown command 'HELLO'\n"
     "> CLIENT SETNAME carillon\n> INFO server\n> ROLE\n> PING\nraw -LOADING x\nraw -LOADING x\nraw -LOADING x\n"
     "raw -LOADING Redis is loading\n= close\nfailed LOADING Redis is loading\ntime 10\n= connect\n"},
    {"a second connection that cannot be made is a failure",
     "time 0\n= connect\nconnected\n> HELLO 3 SETNAME carillon\nraw -ERR unknown command 'HELLO'\n"
     "> CLIENT SETNAME carillon\n> INFO server\n> ROLE\n> PING\nraw +OK\nraw $1|x\nraw *1|$6|master\nraw +PONG\n"
     "= connect second\nlost refused\n= close\nfailed refused\ntime 10\n= connect\n"},
    {"all of a greeting without RESP3 has one time",
     "time 0\n= connect\ntime 100\nconnected\n> HELLO 3 SETNAME carillon\ntime 50\nraw -ERR unknown command 'HELLO'\n"
     "> CLIENT SETNAME carillon\n> INFO server\n> ROLE\n> PING\nraw +OK\nraw $1|x\nraw *1|$6|master\nraw +PONG\n"
     "= connect second\ntime 49\ntime 1\n= close\nfailed the connection was not made in time\n"},
    {"the password without RESP3, which the error to HELLO has repeated",
     "time 0\n= connect\nconnected\n> HELLO 3 AUTH default secret SETNAME carillon\n"
     "raw -ERR unknown command `HELLO`, with args beginning with: `3`, `AUTH`, `default`, `secret`, \n"
     "> AUTH secret\n> CLIENT SETNAME carillon\n> INFO server\n> ROLE\n> PING\nraw -ERR invalid secret\n= close\n"
     "failed ERR invalid ***\n",
     "secret"},
    {"messages where nothing is subscribed end the connection",
     "@plain\n! back\nraw2 >3|$7|message|$1|a|$1|x\n! away the server sends messages where nothing is subscribed\n"
     "= close\n"},
    {"an array that is no message ends the connection",
     "@plain\n! back\nraw *3|$4|mess|$1|a|$1|x\n! away the server answered what it was not asked\n= close\n"},
    {"where the name has more addresses, the next follows at once, and the pause comes when there are no more",
     "time 0\n= connect\nmore\nlost refused\n= close\ntime 0\n= connect\nmore\nconnected\n"
     "> HELLO 3 SETNAME carillon\ngreets standalone replica\n= close\ntime 0\n= connect\nlost refused\n= close\n"
     "time 9\ntime 1\n= connect\n"},
    {"each address has a time of its own",
     "time 0\n= connect\nmore\ntime 199\ntime 1\n= close\ntime 0\n= connect\ntime 199\nconnected\n"
     "> HELLO 3 SETNAME carillon\ngreets\n! back\n"},
    {"a server that is lost is not taken for an address that fails",
     "time 0\n= connect\nmore\nconnected\n> HELLO 3 SETNAME carillon\ngreets\n! back\nlost gone\n! away gone\n"
     "= close\ntime 9\ntime 1\n= connect\n"},
    {"a connection that cannot be made is tried again",
     "time 0\n= connect\nlost refused\n= close\nfailed refused\ntime 9\ntime 1\n= connect\n"},
    {"a connection that is not made in time is given up",
     "time 0\n= connect\ntime 199\ntime 1\n= close\nfailed the connection was not made in time\n"},
    {"a greeting that is not answered in time is given up",
     "time 0\n= connect\ntime 150\nconnected\n> HELLO 3 SETNAME carillon\ntime 49\ntime 1\n= close\n"},
    {"what is wanted while away is asked for after the greeting, in batches, no more than may be awaited",
     "want a\nwant b\nwant c\nwant d\nwant e\nwant f\nwant g\nwant h\ntime 0\n= connect\nconnected\n"
     "> HELLO 3 SETNAME carillon\ngreets\n> SUBSCRIBE * *\n> SUBSCRIBE * *\n"
     "confirm next\n! subscribed *\n> SUBSCRIBE * *\nconfirm next\n! subscribed *\n"
     "confirm next\n! subscribed *\n> SUBSCRIBE * *\nconfirm next\n! subscribed *\n"
     "confirm next\n! subscribed *\nconfirm next\n! subscribed *\nconfirm next\n! subscribed *\n"
     "confirm next\n! subscribed *\n! back\n"},
    {"what is wanted while live is asked for at once",
     "@live\nwant a\n> SUBSCRIBE a\nconfirm a\n! subscribed a\nsays a one\n! message a one\nsays a two\n"
     "! message a two\n"},
    {"messages of any bytes", "@live\nsays a \n! message a \nsays a +OK -ERR $5\n! message a +OK -ERR $5\n"},
    {"a message that is larger than it may be is dropped, the next is not",
     "@live\nsays a " + std::string(65'536, 'x') + "\n! message a " + std::string(65'536, 'x') + "\nsays a " +
         std::string(65'537, 'x') + "\n! oversized a 65537\nsays a " + std::string(70'000, 'x') +
         "\n! oversized a 70000\nsays a y\n! message a y\n"},
    {"publications are answered in order",
     "@live\npublish 1 a x\n> PUBLISH a x\npublish 2 b y\n> PUBLISH b y\nraw :3\n! published 1 3\n"
     "raw :0\n! published 2 0\n"},
    {"an error is the answer to its publication only",
     "@live\npublish 1 a x\n> PUBLISH a x\npublish 2 a y\n> PUBLISH a y\nraw -ERR no\n"
     "! published 1 the bus refused the publication\nraw :1\n! published 2 1\n"},
    {"a publication that is not permitted",
     "@live\npublish 1 a x\n> PUBLISH a x\nraw -NOPERM no\n! published 1 the bus does not permit it\n"},
    {"an answer to a publication that is no number is a refusal",
     "@live\npublish 1 a x\n> PUBLISH a x\nraw +QUEUED\n! published 1 the bus refused the publication\n"
     "publish 2 a x\n> PUBLISH a x\nraw :-1\n! published 2 the bus refused the publication\n"},
    {"publications are refused at once while away", "publish 1 a x\n! published 1 the bus cannot be reached\n"
                                                    "time 0\n= connect\npublish 2 a x\n"
                                                    "! published 2 the bus cannot be reached\n"
                                                    "connected\n> HELLO 3 SETNAME carillon\npublish 3 a x\n"
                                                    "! published 3 the bus cannot be reached\n"},
    {"no more publications on their way than allowed",
     "@live\npublish 1 a x\n> PUBLISH a x\npublish 2 a x\n> PUBLISH a x\npublish 3 a x\n> PUBLISH a x\n"
     "publish 4 a x\n! published 4 too many publications are on their way\nraw :1\n! published 1 1\n"
     "publish 5 a x\n> PUBLISH a x\n"},
    {"publications on their way fail with the connection",
     "@live\npublish 1 a x\n> PUBLISH a x\npublish 2 a x\n> PUBLISH a x\nlost gone\n"
     "! published 1 the bus cannot be reached\n! published 2 the bus cannot be reached\n! away gone\n= close\n"},
    {"a channel lingers before it is left",
     "@live\nwant a\n> SUBSCRIBE a\nconfirm a\n! subscribed a\nrelease a\ntime 49\ntime 1\n> UNSUBSCRIBE a\n"
     "leaves a\nchannels 0\n"},
    {"wanted again while it lingers, a channel is subscribed at once",
     "@live\nwant a\n> SUBSCRIBE a\nconfirm a\n! subscribed a\nrelease a\ntime 49\nwant a\n! subscribed a\ntime 1\n"
     "time 49\nsays a x\n! message a x\nrelease a\ntime 49\n> HELLO 3\ntime 1\n> UNSUBSCRIBE a\n"},
    {"wanted again while it leaves, a channel is asked for once it has left",
     "@live\nwant a\n> SUBSCRIBE a\nconfirm a\n! subscribed a\nrelease a\ntime 50\n> UNSUBSCRIBE a\nwant a\n"
     "leaves a\n> SUBSCRIBE a\nconfirm a\n! subscribed a\n"},
    {"wanted and released again while it leaves, a channel is gone",
     "@live\nwant a\n> SUBSCRIBE a\nconfirm a\n! subscribed a\nrelease a\ntime 50\n> UNSUBSCRIBE a\nwant a\n"
     "release a\nleaves a\nchannels 0\n"},
    {"released before it is confirmed, a channel lingers from then on",
     "@live\nwant a\n> SUBSCRIBE a\nrelease a\ntime 30\nconfirm a\ntime 19\ntime 1\n> UNSUBSCRIBE a\nleaves a\n"},
    {"released and wanted before it is confirmed, a channel is subscribed",
     "@live\nwant a\n> SUBSCRIBE a\nrelease a\nwant a\nconfirm a\n! subscribed a\n"},
    {"a channel that is released and wanted again does not hold up those behind it",
     "@live\nwant a\n> SUBSCRIBE a\nwant b\n> SUBSCRIBE b\nconfirm a\n! subscribed a\nconfirm b\n! subscribed b\n"
     "release a\nrelease b\ntime 30\nwant a\n! subscribed a\nrelease a\ntime 20\n> UNSUBSCRIBE b\nleaves b\n"
     "time 29\ntime 1\n> UNSUBSCRIBE a\nleaves a\n"},
    {"many channels leave in batches",
     "@live\nwant a\n> SUBSCRIBE a\nwant b\n> SUBSCRIBE b\nwant c\n> SUBSCRIBE c\nconfirm a\n! subscribed a\n"
     "confirm b\n! subscribed b\nconfirm c\n! subscribed c\nrelease a\nrelease b\nrelease c\ntime 50\n"
     "> UNSUBSCRIBE a b\ntime 0\n> UNSUBSCRIBE c\ntime 0\nleaves a\nleaves b\nleaves c\nchannels 0\n"},
    {"after a reconnect every wanted channel is asked for once, and a lingering one is not",
     "@live\nwant a\n> SUBSCRIBE a\nwant b\n> SUBSCRIBE b\nconfirm a\n! subscribed a\nconfirm b\n! subscribed b\n"
     "release b\nlost gone\n! away gone\n= close\nchannels 1\ntime 10\n= connect\nconnected\n"
     "> HELLO 3 SETNAME carillon\ngreets\n> SUBSCRIBE a\nconfirm a\n! subscribed a\n! back\n"},
    {"channels that keep being wanted do not hold up its coming back",
     "want a\ntime 0\n= connect\nconnected\n> HELLO 3 SETNAME carillon\ngreets\n> SUBSCRIBE a\nwant b\n"
     "> SUBSCRIBE b\nconfirm a\n! subscribed a\n! back\nwant c\n> SUBSCRIBE c\nconfirm b\n! subscribed b\n"},
    {"it comes back when what was wanted is wanted no more",
     "want a\ntime 0\n= connect\nconnected\n> HELLO 3 SETNAME carillon\ngreets\n> SUBSCRIBE a\nrelease a\n"
     "confirm a\n! back\n"},
    {"a question now and then, one at a time",
     "@live\ntime 99\ntime 1\n> HELLO 3\ntime 150\ngreets\ntime 0\n> HELLO 3\ngreets\ntime 99\ntime 1\n> HELLO 3\n"},
    {"messages are no proof that commands get through, so there are questions all the same",
     "@live\ntime 99\nsays a x\n! message a x\ntime 1\n> HELLO 3\ntime 299\nsays a y\n! message a y\ntime 1\n"
     "! away the server does not answer\n= close\n"},
    {"a server that does not answer the question is away",
     "@live\ntime 100\n> HELLO 3\ntime 299\ntime 1\n! away the server does not answer\n= close\n"},
    {"a server that does not answer a publication is away",
     "@live\npublish 1 a x\n> PUBLISH a x\ntime 100\n> HELLO 3\ntime 199\ntime 1\n! published 1 the bus cannot be "
     "reached\n"
     "! away the server does not answer\n= close\n"},
    {"a server that still talks and answers nothing is away",
     "@live\npublish 1 a x\n> PUBLISH a x\ntime 250\n> HELLO 3\nsays a y\n! message a y\ntime 49\ntime 1\n"
     "! published 1 the bus cannot be reached\n! away the server does not answer\n= close\n"},
    {"a server that answers what was asked before is not frozen",
     "@live\npublish 1 a x\n> PUBLISH a x\npublish 2 a x\n> PUBLISH a x\ntime 299\n> HELLO 3\nraw :1\n! published 1 1\n"
     "time 299\nraw :1\n! published 2 1\n"},
    {"a server that confirms one channel after the other is not frozen",
     "want a\nwant b\ntime 0\n= connect\nconnected\n> HELLO 3 SETNAME carillon\ngreets\n> SUBSCRIBE * *\ntime 299\n> "
     "HELLO 3\n"
     "confirm next\n! subscribed *\ntime 299\nconfirm next\n! subscribed *\n! back\n"},
    {"a large message that is on its way is progress, and its stopping is not",
     "@live\npublish 1 a x\n> PUBLISH a x\ntime 299\n> HELLO 3\nraw >3|$7|message|$1|a|$90000|xx\ntime 299\nraw "
     "xx\ntime 299\n"
     "time 1\n! published 1 the bus cannot be reached\n! away the server does not answer\n= close\n"},
    {"a server that cannot serve a subscription is away, and waited for longer each time",
     "want a\ntime 0\n= connect\nconnected\n> HELLO 3 SETNAME carillon\ngreets\n> SUBSCRIBE a\n"
     "raw -BUSY no\n! away BUSY no\n= close\ntime 10\n= connect\nconnected\n> HELLO 3 SETNAME carillon\ngreets\n"
     "> SUBSCRIBE a\nraw -BUSY no\n! away BUSY no\n= close\ntime 10\n= connect\n"},
    {"a channel that is not permitted is refused, and the connection stays",
     "@live\nwant a\n> SUBSCRIBE a\nwant b\n> SUBSCRIBE b\nraw -NOPERM no\n! refused a denied\nconfirm b\n! subscribed "
     "b\n"
     "channels 2\nrelease a\nchannels 1\nsays b x\n! message b x\n"},
    {"a refused channel is asked for again once it has been released",
     "@live\nwant a\n> SUBSCRIBE a\nraw -NOPERM no\n! refused a denied\nrelease a\nwant a\n> SUBSCRIBE a\nconfirm a\n"
     "! subscribed a\n"},
    {"a refused channel is asked for again after a reconnect",
     "@live\nwant a\n> SUBSCRIBE a\nraw -NOPERM no\n! refused a denied\nlost gone\n! away gone\n= close\ntime 10\n"
     "= connect\nconnected\n> HELLO 3 SETNAME carillon\ngreets\n> SUBSCRIBE a\nconfirm a\n! subscribed a\n! back\n"},
    {"a channel that is refused when nobody wants it any more is forgotten",
     "@live\nwant a\n> SUBSCRIBE a\nrelease a\nraw -NOPERM no\nchannels 0\n"},
    {"released and wanted before it is refused, a channel is refused",
     "@live\nwant a\n> SUBSCRIBE a\nrelease a\nwant a\nraw -NOPERM no\n! refused a denied\nrelease a\nchannels 0\n"},
    {"a server that speaks before it greets is left",
     "time 0\n= connect\nconnected\n> HELLO 3 SETNAME carillon\nsays a x\n= close\n"
     "failed the server speaks before it greets\n"},
    {"a server's long and strange words become one short line",
     "@live\nwant a\n> SUBSCRIBE a\nraw -ERR a\x1b[2J\xc3\xa9" + std::string(300, 'x') + "\n! away ERR a?[2J??" +
         std::string(189, 'x') + "\n= close\n"},
    {"a server that confirms channels out of turn is left, since a refusal would go to the wrong one",
     "@live\nwant a\n> SUBSCRIBE a\nwant b\n> SUBSCRIBE b\nconfirm b\n"
     "! away the server confirmed a channel out of turn\n= close\n"},
    {"when a command with several channels is refused, they are asked for one at a time",
     "want a\nwant b\ntime 0\n= connect\nconnected\n> HELLO 3 SETNAME carillon\ngreets\n> SUBSCRIBE * *\n"
     "raw -NOPERM no\n> SUBSCRIBE *\n> SUBSCRIBE *\nraw -NOPERM no\n! refused * denied\nwant c\n> SUBSCRIBE c\n"
     "confirm last\n! subscribed *\n! back\nconfirm c\n! subscribed c\n"},
    {"the refusal of several is told apart from the answers before and after it",
     "want a\nwant b\nwant c\ntime 0\n= connect\nconnected\n> HELLO 3 SETNAME carillon\ngreets\n> SUBSCRIBE * *\n"
     "> SUBSCRIBE *\npublish 1 x y\n> PUBLISH x y\nraw -NOPERM no\n> SUBSCRIBE *\n> SUBSCRIBE *\nconfirm third\n"
     "! subscribed *\nraw :1\n! published 1 1\nraw -NOPERM no\n! refused * denied\nraw -NOPERM no\n! refused * denied\n"
     "! back\n"},
    {"it is back when all that it wanted is refused",
     "want a\nwant b\ntime 0\n= connect\nconnected\n> HELLO 3 SETNAME carillon\ngreets\n> SUBSCRIBE * *\n"
     "raw -NOPERM no\n> SUBSCRIBE *\n> SUBSCRIBE *\nraw -NOPERM no\n! refused * denied\nraw -NOPERM no\n"
     "! refused * denied\n! back\nchannels 2\n"},
    {"of several that are refused, those that nobody wants any more are not asked for again",
     "want a\nwant b\ntime 0\n= connect\nconnected\n> HELLO 3 SETNAME carillon\ngreets\n> SUBSCRIBE * *\nrelease b\n"
     "raw -NOPERM no\n> SUBSCRIBE a\nchannels 1\nconfirm a\n! subscribed a\n! back\n"},
    {"a refusal in the middle of a command's confirmations ends the connection",
     "want a\nwant b\ntime 0\n= connect\nconnected\n> HELLO 3 SETNAME carillon\ngreets\n> SUBSCRIBE * *\nconfirm next\n"
     "! subscribed *\nraw -NOPERM no\n! away NOPERM no\n= close\n"},
    {"a carillon-bus refuses one channel in its place",
     "want a\nwant b\ntime 0\n= connect\nconnected\n> HELLO 3 SETNAME carillon\ngreets as carillon\n> SUBSCRIBE * *\n"
     "raw -ERR channel is longer than 5 bytes\n! refused * refused\nconfirm last\n! subscribed *\n! back\n"},
    {"a carillon-bus refuses the last channel of a command",
     "want a\nwant b\ntime 0\n= connect\nconnected\n> HELLO 3 SETNAME carillon\ngreets as carillon\n> SUBSCRIBE * *\n"
     "confirm next\n! subscribed *\nraw -ERR more than 1 subscriptions\n! refused * refused\n! back\n"},
    {"an error in place of the confirmation of a leave ends the connection",
     "@live\nwant a\n> SUBSCRIBE a\nconfirm a\n! subscribed a\nrelease a\ntime 50\n> UNSUBSCRIBE a\nraw -NOPERM no\n"
     "! away NOPERM no\n= close\n"},
    {"a server that is left unread is not frozen, and has the rest of its time when it is read",
     "@live\npublish 1 a x\n> PUBLISH a x\ntime 99\nhold\ntime 100\ntime 500\nread\ntime 1\n> HELLO 3\ntime 199\nraw "
     ":1\n"
     "! published 1 1\ngreets\ntime 0\n> HELLO 3\nhold\ntime 500\nread\ntime 299\ntime 1\n"
     "! away the server does not answer\n= close\n"},
    {"a replica is no bus, and is looked at again",
     "time 0\n= connect\nconnected\n> HELLO 3 SETNAME carillon\ngreets standalone replica\n= close\n"
     "failed the server is a replica: what is published there reaches neither its master nor anybody there\ntime 10\n"
     "= connect\nconnected\n> HELLO 3 SETNAME carillon\ngreets standalone master\n! back\n"},
    {"a Sentinel is no bus",
     "time 0\n= connect\nconnected\n> HELLO 3 SETNAME carillon\ngreets sentinel master\n= close\n"
     "failed the server is a Sentinel, which is no bus\n"},
    {"a replica of a cluster is a bus, since all nodes tell each other",
     "time 0\n= connect\nconnected\n> HELLO 3 SETNAME carillon\ngreets cluster replica\n! back\ntime 100\n> HELLO 3\n"
     "greets cluster replica\n"},
    {"a master that becomes a replica is left, whatever it answers",
     "@live\npublish 1 a x\n> PUBLISH a x\ntime 50\nraw :1\n! published 1 1\ntime 50\n> HELLO 3\n"
     "greets standalone replica\n"
     "! away the server is a replica: what is published there reaches neither its master nor anybody there\n= close\n"},
    {"a server that does not say its role is there at least",
     "@live\ntime 100\n> HELLO 3\nraw -ERR no\ntime 99\ntime 1\n> HELLO 3\n"},
    {"a carillon-bus has no role, and is asked whether it is there",
     "time 0\n= connect\nconnected\n> HELLO 3 SETNAME carillon\ngreets as carillon\n! back\ntime 100\n> PING\n"
     "raw +PONG\ntime 100\n> PING\n"},
    {"a confirmation that was not asked for ends the connection",
     "@live\nconfirm a\n! away the server confirmed what it was not asked\n= close\n"},
    {"the confirmation of another channel ends the connection",
     "@live\nwant a\n> SUBSCRIBE a\nconfirm b\n! away the server confirmed a channel out of turn\n"
     "= close\n"},
    {"a second confirmation ends the connection", "@live\nwant a\n> SUBSCRIBE a\nconfirm a\n! subscribed a\nconfirm a\n"
                                                  "! away the server confirmed what it was not asked\n= close\n"},
    {"the confirmation of a leave that was not asked for ends the connection",
     "@live\nwant a\n> SUBSCRIBE a\nconfirm a\n! subscribed a\nleaves a\n"
     "! away the server confirmed what it was not asked\n= close\n"},
    {"an answer that was not asked for ends the connection",
     "@live\nraw +OK\n! away the server answered what it was not asked\n= close\n"},
    {"an answer in place of a confirmation ends the connection",
     "@live\nwant a\n> SUBSCRIBE a\nraw +OK\n! away the server answered what it was not asked\n= close\n"},
    {"an error out of nowhere ends the connection",
     "@live\nraw -ERR max number of clients reached\n! away the server answered what it was not asked\n= close\n"},
    {"garbage ends the connection", "@live\nraw hello\n! away Protocol error: unknown type of reply\n= close\n"},
    {"other pushes are ignored", "@live\nraw >2|$10|invalidate|*0\nraw >1|+x\nraw >4|+pmessage|+*|+a|+b\nwant a\n"
                                 "> SUBSCRIBE a\nconfirm a\n! subscribed a\n"},
    {"remarks on an answer are ignored", "@live\npublish 1 a x\n> PUBLISH a x\nraw |1|+ttl|:3|:7\n! published 1 7\n"},
};

class player {
public:
    explicit player(const script& what, std::size_t piece = std::string_view::npos)
        : piece_{piece}, r_{options_for(what)} {
        std::string text = what.lines;
        if (text.starts_with("@live\n")) text = to_live + text.substr(6);
        if (const auto at = text.find("@plain\n"); at != std::string::npos) text.replace(at, 7, to_plain);
        std::istringstream lines{text};
        for (std::string line; std::getline(lines, line);) {
            const bool follows =
                line.starts_with("> ") || line.starts_with(">> ") || line.starts_with("! ") || line.starts_with("= ");
            if (follows) {
                steps_.back().follows.push_back(line);
            } else {
                steps_.push_back({line, {}});
            }
        }
    }

    std::size_t steps() const { return steps_.size(); }
    rig& rigged() { return r_; }
    std::set<std::string>& wanted() { return wanted_; }
    bool connected_once() const { return connected_; }

    void play(std::size_t count, bool checked = true) {
        for (std::size_t i = 0; i < count; ++i) {
            SCOPED_TRACE(steps_[i].happens);
            happen(steps_[i].happens);
            r_.link.check_invariants();
            const auto seen = consequences();
            if (!checked) continue;
            ASSERT_EQ(seen.size(), steps_[i].follows.size()) << testing::PrintToString(seen);
            for (std::size_t k = 0; k < seen.size(); ++k) ASSERT_TRUE(alike(seen[k], steps_[i].follows[k])) << seen[k];
        }
    }

private:
    struct step {
        std::string happens;
        std::vector<std::string> follows;
    };

    static upstream_options options_for(const script& what) {
        upstream_options how = small_options();
        how.password = what.password;
        return how;
    }

    // "*" stands for any one word: which channel comes first is the hash table's affair.
    static bool alike(const std::string& seen, const std::string& expected) {
        std::istringstream a{seen};
        std::istringstream b{expected};
        std::string x;
        std::string y;
        while (true) {
            const bool more_seen = static_cast<bool>(a >> x);
            const bool more_expected = static_cast<bool>(b >> y);
            if (more_seen != more_expected) return false;
            if (!more_seen) return true;
            if (y != "*" && x != y) return false;
        }
    }

    std::vector<std::string> consequences() {
        std::vector<std::string> seen;
        for (const words& each : r_.take_commands()) {
            if (each[0] == "SUBSCRIBE") asked_.insert(asked_.end(), each.begin() + 1, each.end());
            seen.push_back("> " + joined(each));
        }
        for (const words& each : r_.take_commands(upstream::line::second)) seen.push_back(">> " + joined(each));
        const auto action = r_.link.next_action();
        std::vector<std::string> heard;
        for (const std::string& line : r_.take_lines()) heard.push_back("! " + line);
        // In the order of the scripts: a command follows what was heard, but for the first batch.
        if (!heard.empty() && !seen.empty()) {
            heard.insert(heard.end(), seen.begin(), seen.end());
            seen = std::move(heard);
        } else {
            seen.insert(seen.end(), heard.begin(), heard.end());
        }
        if (action == upstream::action::connect) seen.emplace_back("= connect");
        if (action == upstream::action::connect_second) seen.emplace_back("= connect second");
        if (action == upstream::action::close) seen.emplace_back("= close");
        return seen;
    }

    void happen(const std::string& line) {
        std::istringstream in{line};
        std::string what;
        in >> what;
        std::string rest = line.size() > what.size() ? line.substr(what.size() + 1) : "";
        if (what == "time") return r_.pass(std::chrono::milliseconds{std::stoi(rest)});
        if (what == "connected" && rest == "second") return r_.link.on_connected(r_.now, upstream::line::second);
        if (what == "connected") return connected_ = true, r_.link.on_connected(r_.now);
        if (what == "more") return r_.link.on_more_addresses(true);
        if (what == "lost") return r_.link.on_disconnected(rest, r_.now);
        if (what == "greets" && rest.empty()) return r_.receive(greeting, piece_);
        if (what == "greets" && rest == "as carillon") return r_.receive(greeting_of_carillon, piece_);
        if (what == "greets") {
            const std::size_t end = rest.find(' ');
            return r_.receive(greeting_as(rest.substr(0, end), rest.substr(end + 1)), piece_);
        }
        if (what == "hold") return r_.link.on_hold(true, r_.now);
        if (what == "read") return r_.link.on_hold(false, r_.now);
        if (what == "hold2") return r_.link.on_hold(true, r_.now, upstream::line::second);
        if (what == "read2") return r_.link.on_hold(false, r_.now, upstream::line::second);
        if (what == "leaves") return r_.receive(confirmation("unsubscribe", rest), piece_);
        if (what == "want") return wanted_.insert(rest), r_.link.want(rest, r_.now);
        if (what == "release") return wanted_.erase(rest), r_.link.release(rest, r_.now);
        if (what == "failed") {
            ASSERT_EQ(r_.link.last_failure(), rest);
            return;
        }
        if (what == "plain") {
            ASSERT_FALSE(r_.link.resp3());
            return;
        }
        if (what == "channels") {
            ASSERT_EQ(std::to_string(r_.link.channels()), rest);
            return;
        }
        if (what == "confirm") {
            if (rest == "next") {
                rest = asked_.at(0);
                asked_.erase(asked_.begin());
            }
            if (rest == "third") rest = asked_.at(2);
            if (rest == "last") rest = asked_.at(1);
            return r_.receive(confirmation("subscribe", rest), piece_);
        }
        const std::size_t space = rest.find(' ');
        if (what == "says") { return r_.receive(message(rest.substr(0, space), rest.substr(space + 1)), piece_); }
        if (what == "publish") {
            std::string number;
            std::string channel;
            in >> number >> channel;
            const std::string payload = rest.substr(number.size() + channel.size() + 2);
            return r_.link.publish(std::stoull(number), channel, payload, r_.now);
        }
        ASSERT_TRUE(what == "raw" || what == "raw2") << what;
        for (std::size_t at = 0; (at = rest.find('|', at == 0 ? 1 : at)) != std::string::npos;)
            rest.replace(at, 1, "\r\n");
        r_.receive(rest + "\r\n", piece_, what == "raw" ? upstream::line::first : upstream::line::second);
    }

    std::size_t piece_;
    rig r_;
    std::vector<step> steps_;
    std::set<std::string> wanted_;
    std::vector<std::string> asked_;
    bool connected_ = false;
};

TEST(upstream, says_and_does_what_the_scripts_say) {
    for (const script& each : scripts) {
        SCOPED_TRACE(each.name);
        player p{each};
        p.play(p.steps());
    }
}

TEST(upstream, does_the_same_in_whatever_pieces_the_bytes_arrive) {
    for (const script& each : scripts) {
        SCOPED_TRACE(each.name);
        // Pieces of each size cut each of the messages at each of its bytes.
        for (std::size_t piece = 1; piece <= 80; ++piece) {
            player p{each, piece};
            p.play(p.steps());
            if (HasFatalFailure()) return;
        }
    }
}

// How a connection may end, whatever was under way.
enum class ending { disconnected, frozen, garbage };

void end(rig& r, ending how) {
    const auto where = r.link.where();
    if (how == ending::disconnected) return r.link.on_disconnected("gone", r.now);
    // Long enough to end a message that is on its way, too.
    if (how == ending::garbage && where != upstream::state::connecting)
        return r.receive(std::string(100'000, 'x') + "garbage\r\n");
    r.link.on_hold(false, r.now);
    r.link.on_hold(false, r.now, upstream::line::second);
    for (int i = 0; i < 20 && r.link.where() != upstream::state::waiting; ++i) {
        r.now = std::max(r.now, r.link.wake_at());
        r.link.on_time(r.now);
    }
}

TEST(upstream, recovers_wherever_the_connection_is_lost) {
    int endings = 0;
    for (const script& each : scripts) {
        SCOPED_TRACE(each.name);
        for (std::size_t steps = 0; steps <= player{each}.steps(); ++steps) {
            for (const ending how : {ending::disconnected, ending::frozen, ending::garbage}) {
                SCOPED_TRACE(std::to_string(steps) + " steps, ending " + std::to_string(static_cast<int>(how)));
                player p{each};
                p.play(steps, false);
                rig& r = p.rigged();
                const bool was_connected =
                    r.link.where() == upstream::state::live || r.link.where() == upstream::state::restoring;
                const std::size_t in_flight = r.link.in_flight();
                end(r, how);
                ASSERT_EQ(r.link.where(), upstream::state::waiting);
                r.link.check_invariants();
                ASSERT_EQ(r.link.in_flight(), 0u);
                ASSERT_TRUE(r.link.output().empty());
                const auto lines = r.take_lines();
                const auto counted = [&](const char* start) {
                    return static_cast<std::size_t>(std::count_if(
                        lines.begin(), lines.end(), [&](const std::string& line) { return line.starts_with(start); }));
                };
                ASSERT_EQ(counted("published "), in_flight);
                ASSERT_EQ(counted("away "), was_connected ? 1u : 0u);

                std::multiset<std::string> asked;
                for (const words& command : r.become_live()) {
                    if (command[0] == "SUBSCRIBE") asked.insert(command.begin() + 1, command.end());
                }
                ASSERT_EQ(asked, std::multiset<std::string>(p.wanted().begin(), p.wanted().end()));
                std::multiset<std::string> expected{"back"};
                for (const std::string& channel : p.wanted()) expected.insert("subscribed " + channel);
                const auto heard = r.take_lines();
                ASSERT_EQ(std::multiset<std::string>(heard.begin(), heard.end()), expected);
                ASSERT_EQ(heard.back(), "back");
                ASSERT_TRUE(r.link.live());
                ASSERT_EQ(r.link.channels(), p.wanted().size());
                r.link.check_invariants();
                ++endings;
            }
        }
    }
    ASSERT_GT(endings, 500);
}

TEST(upstream, waits_longer_after_each_failure_up_to_a_limit) {
    struct expectation {
        double jitter;
        std::vector<int> waits; // tenths of a millisecond
    };
    for (const expectation& each :
         {expectation{0.0, {100, 100, 100, 100, 100}}, expectation{0.5, {150, 250, 450, 450, 450}},
          expectation{0.999, {199, 399, 799, 799, 799}}}) {
        SCOPED_TRACE(each.jitter);
        rig r{small_options(), each.jitter};
        const auto wait_that_follows = [&] {
            EXPECT_EQ(r.link.next_action(), upstream::action::close);
            return std::chrono::duration_cast<std::chrono::microseconds>(r.link.wake_at() - r.now).count() / 100;
        };
        for (const int wait : each.waits) {
            r.now = r.link.wake_at();
            r.link.on_time(r.now);
            ASSERT_EQ(r.link.next_action(), upstream::action::connect);
            r.link.on_disconnected("refused", r.now);
            ASSERT_EQ(wait_that_follows(), wait);
        }
        // Once it has been live, everything starts anew.
        r.become_live();
        r.link.on_disconnected("gone", r.now);
        ASSERT_EQ(wait_that_follows(), each.waits[0]);
    }
}

TEST(upstream, refuses_publications_beyond_the_bytes_that_may_wait) {
    rig r;
    r.become_live();
    r.take_lines();
    r.link.publish(1, "a", std::string(900, 'x'), r.now);
    r.link.publish(2, "a", std::string(200, 'x'), r.now);
    ASSERT_EQ(r.take_lines(), std::vector<std::string>{"published 2 too many publications are on their way"});
    r.converse();
    ASSERT_EQ(r.take_lines(), std::vector<std::string>{"published 1 1"});
    r.link.publish(3, "a", std::string(200, 'x'), r.now);
    r.converse();
    ASSERT_EQ(r.take_lines(), std::vector<std::string>{"published 3 1"});
}

TEST(upstream, keeps_what_is_not_written_yet_in_whatever_pieces_it_is) {
    for (std::size_t piece = 1; piece <= 40; ++piece) {
        upstream_options how = small_options();
        how.in_flight_max = 1'000;
        how.output_bytes_max = 100'000;
        rig r{how};
        r.become_live();
        std::string expected;
        std::string written;
        const auto write = [&] {
            const std::string_view part = r.link.output().substr(0, piece);
            written += part;
            r.link.on_written(part.size());
        };
        for (std::uint64_t i = 0; i < 200; ++i) {
            const std::string payload = std::to_string(i);
            r.link.publish(i, "channel", payload, r.now);
            resp::append_command(expected, {"PUBLISH", "channel", payload});
            write();
            ASSERT_EQ(r.link.output(), std::string_view{expected}.substr(written.size()));
        }
        while (!r.link.output().empty()) write();
        ASSERT_EQ(written, expected);
    }
}

// The listener asks for things while it is being told others: for each event, each of these.
TEST(upstream, may_be_asked_by_its_listener_from_within) {
    rig r;
    std::uint64_t publications = 0;
    std::set<std::string> wanted;
    int depth = 0;
    const auto want = [&](const std::string& channel) {
        if (wanted.insert(channel).second) r.link.want(channel, r.now);
    };
    r.heard.meanwhile = [&](const std::string& line) {
        if (depth > 3) return;
        ++depth;
        const std::string fresh = "fresh " + std::to_string(publications % 60);
        const bool is_new = !wanted.contains(fresh);
        want(fresh);
        r.link.publish(++publications, "a", "x", r.now);
        if (is_new && !line.starts_with("published") && wanted.erase(fresh) == 1) r.link.release(fresh, r.now);
        want("kept " + std::to_string(wanted.size() % 40));
        --depth;
    };
    for (int i = 0; i < 20; ++i) want("a" + std::to_string(i));
    for (int round = 0; round < 5; ++round) {
        for (int i = 0; i < 5 && r.link.where() != upstream::state::connecting; ++i) {
            r.now = std::max(r.now, r.link.wake_at());
            r.link.on_time(r.now);
            r.link.next_action();
        }
        r.link.next_action();
        r.link.on_connected(r.now);
        for (int i = 0; i < 200; ++i) {
            for (const words& each : r.take_commands()) r.receive(answer(each));
            r.receive(message("a0", "hello"));
            r.link.check_invariants();
        }
        ASSERT_TRUE(r.link.live());
        r.link.on_disconnected("gone", r.now);
        r.link.check_invariants();
    }
    r.heard.meanwhile = [](const std::string&) {};
    r.become_live();
    ASSERT_TRUE(r.link.live());
    ASSERT_EQ(r.link.channels(), wanted.size());
    std::map<std::string, int> answers;
    for (const std::string& line : r.take_lines()) {
        if (line.starts_with("published ")) ++answers[line.substr(10, line.find(' ', 10) - 10)];
    }
    ASSERT_EQ(answers.size(), publications);
    for (const auto& [publication, count] : answers) ASSERT_EQ(count, 1) << publication;
}

TEST(upstream, keeps_no_more_memory_the_more_often_a_channel_comes_and_goes) {
    struct place {
        const char* name;
        bool is_live;
        bool confirmed;
    };
    for (const place& each :
         {place{"away", false, false}, place{"live, not confirmed", true, false}, place{"live", true, true}}) {
        SCOPED_TRACE(each.name);
        rig r;
        if (each.is_live) r.become_live();
        r.link.want("a", r.now);
        if (each.confirmed) r.converse();
        r.link.release("a", r.now);
        const auto flap = [&] {
            for (int i = 0; i < 10'000; ++i) {
                r.link.want("a", r.now);
                r.link.release("a", r.now);
                r.heard.lines.clear();
                if (each.confirmed && i % 100 == 0) {
                    r.pass(5ms);
                    r.converse();
                }
            }
        };
        flap();
        const auto before = heap_use_now().live_bytes;
        flap();
        EXPECT_LE(heap_use_now().live_bytes - before, 1'024);
        EXPECT_LE(r.link.channels(), 1u);
        r.link.check_invariants();
    }
}

// Channels that come and go for good leave nothing behind, though another one is renewed in front of them all the time.
TEST(upstream, lets_all_channels_go_though_one_of_them_keeps_coming_back) {
    rig r;
    r.become_live();
    r.link.want("front", r.now);
    r.converse();
    r.link.release("front", r.now);
    for (int i = 0; i < 2'000; ++i) {
        const std::string name = "channel " + std::to_string(i);
        r.link.want(name, r.now);
        r.converse();
        r.link.release(name, r.now);
        r.link.want("front", r.now);
        r.link.release("front", r.now);
        r.pass(5ms);
        r.converse();
        ASSERT_LE(r.link.channels(), 25u); // of the last two lingers
        ASSERT_GT(r.link.wake_at(), r.now);
    }
}

} // namespace
} // namespace carillon::upstream
