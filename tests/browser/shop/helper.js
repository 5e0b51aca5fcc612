// A page that takes the helper from the service, as docs/clients.md says.

const query = new URLSearchParams(location.search);
const service = query.get("service");
const { connect } = await import(`${service}/static/clients/sioweb-client.mjs`);

function line(text) {
  const item = document.createElement("li");
  item.textContent = text;
  document.getElementById("events").append(item);
}

window.client = connect(io, `${service}/demo`, {
  token: async () => query.get("token"),
  handlers: { hello: async (number) => line(`hello ${number}`) },
});
window.client.socket.on("connect", () => {
  document.getElementById("state").textContent = "connected";
});
