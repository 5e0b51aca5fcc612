{% autoescape off %}<?php
$message = ['rooms' => [{{ single.room }}], 'event' => 'update_store', 'args' => ['user', ['id' => 1]]];
$context = stream_context_create(['http' => [
    'method' => 'POST',
    'header' => [{{ single.authorization }}, 'Content-Type: application/json'],
    'content' => json_encode($message),
    'ignore_errors' => true, // the answer says what is wrong, whatever its status
]]);
echo file_get_contents({{ single.url }}, false, $context);
{% endautoescape %}
