{% autoescape off %}const message = { rooms: [{{ double.room }}], event: "update_store", args: ["user", { id: 1 }] };
const response = await fetch({{ double.url }}, {
  method: "POST",
  headers: { Authorization: {{ double.bearer }}, "Content-Type": "application/json" },
  body: JSON.stringify(message),
});
if (!response.ok) throw new Error(await response.text());
console.log(await response.json());
{% endautoescape %}
