return in_each_room(append, 7)
