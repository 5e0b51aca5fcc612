{% autoescape off %}require 'json'
require 'net/http'

message = { rooms: [{{ single.room }}], event: 'update_store', args: ['user', { id: 1 }] }
headers = { 'Authorization' => {{ single.bearer }}, 'Content-Type' => 'application/json' }
answer = Net::HTTP.post(URI({{ single.url }}), message.to_json, headers)
puts answer.body
{% endautoescape %}
