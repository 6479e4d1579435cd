# How each of the servers is started and spoken to; for run.sh. All are published to through HTTP.
#
# server_NAME sets: command; ports, which are awaited; speak and publish, arguments of the load generator; workers, if the processes
# that do the work are children of the one that is started. client_port and control_port are free.

api_at() { publish=(--publish "http://127.0.0.1:$1/api/publish" --publish-body '{"channel":"{channel}","data":{payload}}'); }
speak_centrifuge() { speak=(--protocol centrifuge --url "ws://127.0.0.1:$client_port/connection/websocket"); }

# The load generator's own hello has no token.
speak_with_token() {
    speak=(--protocol plain --url "ws://127.0.0.1:$client_port/connection/websocket" --hello-reply '"subscribe":{'
        --hello "{\"id\":1,\"connect\":{\"token\":\"$token\"}}"$'\n''{"id":2,"subscribe":{"channel":"{channel}"}}')
}

server_carillon() {
    command=("$carillon" --config "$here/carillon.toml" --client-listen "127.0.0.1:$client_port"
        --control-listen "127.0.0.1:$control_port" --connections-max $((connections + 500)))
    ports="$client_port $control_port"
    speak_centrifuge
    api_at "$control_port"
    publish+=(--publish-header "X-API-Key: open-sesame")
}

server_centrifugo() {
    command=("$built/centrifugo" --config "$here/centrifugo.json" --http_server.address 127.0.0.1 --http_server.port "$client_port")
    ports=$client_port
    speak_centrifuge
    api_at "$client_port"
    publish+=(--publish-header "X-API-Key: open-sesame")
}

server_gobwas() {
    command=("$built/gobwas" -client "127.0.0.1:$client_port" -control "127.0.0.1:$control_port")
    ports="$client_port $control_port"
    speak_centrifuge
    api_at "$control_port"
}

server_uwebsockets() {
    command=(env -C "$built/uwebsockets" node "$here/uwebsockets/server.mjs" 127.0.0.1 "$client_port")
    ports=$client_port
    speak_centrifuge
    api_at "$client_port"
}

server_nchan() {
    sed "s/127.0.0.1:17800/127.0.0.1:$client_port/" "$here/nchan.conf" >"$results/nchan.conf"
    command=("$nginx" -p "$(realpath "$results")" -c "$(realpath "$results")/nchan.conf")
    ports=$client_port
    speak=(--protocol plain --url "ws://127.0.0.1:$client_port/sub/{channel}")
    publish=(--publish "http://127.0.0.1:$client_port/pub/{channel}")
    workers=yes
}

# Why a peer cannot be measured here; nothing if it can.
lacks_centrifugo() { [ -x "$built/centrifugo" ] || echo "it is not built"; }
lacks_gobwas() { [ -x "$built/gobwas" ] || echo "it is not built"; }
lacks_uwebsockets() { [ -d "$built/uwebsockets/node_modules" ] || echo "it is not installed"; }
lacks_nchan() { [ -e /usr/lib/nginx/modules/ngx_nchan_module.so ] || echo "libnginx-mod-nchan is not installed"; }
