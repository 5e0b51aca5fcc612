{% autoescape off %}import { io } from "socket.io-client";

const socket = io({{ double.namespace_url }}, { {% if double.path %}path: {{ double.path }}, {% endif %}auth: { token: {{ double.token }} } });
const handlers = {
  update_store: (type, entity, done) => {
    console.log(type, entity);
    done?.(); // acknowledges it; without, it comes again
  },
};
for (const [event, handler] of Object.entries(handlers)) socket.on(event, handler);
// What was missed while away, oldest first.
socket.on({{ double.batch_event }}, (events, done) => {
  for (const [event, ...args] of events) handlers[event]?.(...args);
  done();
});
// The service no longer knows what this client has seen.
socket.on({{ double.resync_event }}, () => location.reload());
{% endautoescape %}
