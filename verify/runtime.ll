; What every system's native code shares: messages in sorted slots, one attempted stimulus, the table of states.
;
; `verify.native` fills in the dollar names and puts the functions of `verify.codegen` beside these (@stimuli, @dispatch, @monitors,
; @allowed, @ask, @ask_initial, @mark), and @pack and @unpack. A status is 0 done, 1 disabled, 2 full, 3 impossible, 4 stays.
; $$edges is true where transitions are recorded: three i32 each, from, to (-1: the wire is full; $beyond: not @allowed), and @label,
; which the functions of the offers set.

declare void @llvm.memcpy.p0.p0.i64(ptr, ptr, i64, i1)
declare void @llvm.memset.p0.i64(ptr, i8, i64, i1)
declare void @llvm.prefetch.p0(ptr, i32, i32, i32)

; Put a message among sorted slots.
define internal i32 @put(ptr %cells, i32 %capacity, i32 %code, i1 %resend) {
  br i1 %resend, label %look, label %room
look:
  %at = phi i32 [ 0, %0 ], [ %up, %other ]
  %more = icmp slt i32 %at, %capacity
  br i1 %more, label %see, label %room
see:
  %seen.p = getelementptr i32, ptr %cells, i32 %at
  %seen = load i32, ptr %seen.p
  %equal = icmp eq i32 %seen, %code
  br i1 %equal, label %again, label %other
other:
  %up = add i32 %at, 1
  br label %look
again:
  ret i32 $again
room:
  %end = add i32 %capacity, -1
  %last.p = getelementptr i32, ptr %cells, i32 %end
  %last = load i32, ptr %last.p
  %none = icmp ne i32 %last, 0
  br i1 %none, label %full, label %shift
full:
  ret i32 $full
shift:
  %hole = phi i32 [ %end, %room ], [ %below, %move ]
  %first = icmp eq i32 %hole, 0
  br i1 %first, label %store, label %compare
compare:
  %below = add i32 %hole, -1
  %from.p = getelementptr i32, ptr %cells, i32 %below
  %held = load i32, ptr %from.p
  %less = icmp slt i32 %held, %code
  br i1 %less, label %move, label %store
move:
  %to.p = getelementptr i32, ptr %cells, i32 %hole
  store i32 %held, ptr %to.p
  br label %shift
store:
  %hole.p = getelementptr i32, ptr %cells, i32 %hole
  store i32 %code, ptr %hole.p
  ret i32 $done
}

; Take one copy of a message out of sorted slots.
define internal i32 @take(ptr %cells, i32 %capacity, i32 %code) {
  br label %look
look:
  %at = phi i32 [ 0, %0 ], [ %up, %other ]
  %more = icmp slt i32 %at, %capacity
  br i1 %more, label %see, label %absent
see:
  %seen.p = getelementptr i32, ptr %cells, i32 %at
  %seen = load i32, ptr %seen.p
  %equal = icmp eq i32 %seen, %code
  br i1 %equal, label %close, label %other
other:
  %up = add i32 %at, 1
  br label %look
absent:
  ret i32 $disabled
close:
  %hole = phi i32 [ %at, %see ], [ %above, %move ]
  %hole.p = getelementptr i32, ptr %cells, i32 %hole
  %above = add i32 %hole, 1
  %inside = icmp slt i32 %above, %capacity
  br i1 %inside, label %move, label %empty
move:
  %next.p = getelementptr i32, ptr %cells, i32 %above
  %next = load i32, ptr %next.p
  store i32 %next, ptr %hole.p
  br label %close
empty:
  store i32 0, ptr %hole.p
  ret i32 $done
}

; One stimulus; its arguments stand at the head of @args. %made: the choices that are not the first.
define internal i32 @attempt(i64 %from, i32 %event, i64 %made) {
  %attempts = load i64, ptr @attempts
  %attempts.1 = add i64 %attempts, 1
  store i64 %attempts.1, ptr @attempts
  store i32 %event, ptr @queue
  store i32 1, ptr @tail
  store i32 0, ptr @nfired
  store i64 0, ptr @consulted
  br label %loop
loop:
  %head = phi i32 [ 0, %0 ], [ %head.1, %ok ]
  %tail = load i32, ptr @tail
  %more = icmp slt i32 %head, %tail
  br i1 %more, label %one, label %finished
one:
  %event.p = getelementptr i32, ptr @queue, i32 %head
  %next = load i32, ptr %event.p
  %args = getelementptr [$arity x i32], ptr @args, i32 %head
  %status = call i32 @dispatch(i32 %next, ptr %args)
  %good = icmp eq i32 %status, $done
  br i1 %good, label %ok, label %undo
ok:
  %head.1 = add i32 %head, 1
  br label %loop
finished:
  %consulted = load i64, ptr @consulted
  %unread = xor i64 %consulted, -1
  %idle = and i64 %made, %unread
  %useless = icmp ne i64 %idle, 0
  br i1 %useless, label %undo, label %commit
commit:
  call void @monitors()
  %transitions = load i64, ptr @transitions
  %transitions.1 = add i64 %transitions, 1
  store i64 %transitions.1, ptr @transitions
  %n = load i32, ptr @nfired
  br label %count
count:
  %i = phi i32 [ 0, %commit ], [ %i.1, %count ]
  %fired.p = getelementptr i32, ptr @fired, i32 %i
  %row = load i32, ptr %fired.p
  %rows.p = getelementptr i64, ptr @rows, i32 %row
  %times = load i64, ptr %rows.p
  %times.1 = add i64 %times, 1
  store i64 %times.1, ptr %rows.p
  %first = icmp eq i64 %times, 0
  %wanted.p = getelementptr i64, ptr @wanted, i32 %row
  %wanted = load i64, ptr %wanted.p
  %found = select i1 %first, i64 %wanted, i64 0
  %missing = load i64, ptr @missing
  %missing.1 = sub i64 %missing, %found
  store i64 %missing.1, ptr @missing
  %i.1 = add i32 %i, 1
  %left = icmp slt i32 %i.1, %n
  br i1 %left, label %count, label %judge
judge:
  %allowed = call i1 @allowed()
  br i1 %allowed, label %keep, label %reject
reject:
  %rejected = load i64, ptr @rejected
  %rejected.1 = add i64 %rejected, 1
  store i64 %rejected.1, ptr @rejected
  br i1 $edges, label %beyond, label %undo
beyond:
  call void @blocked(i64 %from, i32 $beyond)
  br label %undo
keep:
  %hits = load i64, ptr @hits
  %asking = icmp slt i64 %hits, $queries
  br i1 %asking, label %asks, label %new
asks:
  call void @ask(i64 %from)
  br label %new
new:
  call void @push(i64 %from)
  br label %undo
undo:
  %result = phi i32 [ %status, %one ], [ $disabled, %finished ], [ $done, %reject ], [ $done, %beyond ], [ $done, %new ]
  %n.2 = load i32, ptr @nfired
  %dirty = icmp ne i32 %n.2, 0
  br i1 %dirty, label %restore, label %out
restore:
  call void @llvm.memcpy.p0.p0.i64(ptr align 64 @work, ptr align 64 @before, i64 $copied, i1 false)
  call void @llvm.memset.p0.i64(ptr align 64 @flags, i8 0, i64 $flag_bytes, i1 false)
  br label %out
out:
  %full = icmp eq i32 %result, $full
  %stays = icmp eq i32 %result, $stays
  %either = or i1 %full, %stays
  %wanting = and i1 %either, $edges
  br i1 %wanting, label %note, label %end
note:
  %from.32 = trunc i64 %from to i32
  %to = select i1 %full, i32 -1, i32 %from.32
  call void @blocked(i64 %from, i32 %to)
  br label %end
end:
  ret i32 %result
}

; Record a transition.
define internal void @edge(i32 %from, i32 %to, i32 %label) {
  %n = load i64, ptr @edge_count
  %edges = load ptr, ptr @edges
  %at = getelementptr [3 x i32], ptr %edges, i64 %n
  store i32 %from, ptr %at
  %to.p = getelementptr i32, ptr %at, i32 1
  store i32 %to, ptr %to.p
  %label.p = getelementptr i32, ptr %at, i32 2
  store i32 %label, ptr %label.p
  %n.1 = add i64 %n, 1
  store i64 %n.1, ptr @edge_count
  ret void
}

; Record what leads to no state that is kept, after the transitions that wait, so that the records of a state stand together.
define internal void @blocked(i64 %from, i32 %to) {
  call void @flush()
  %from.32 = trunc i64 %from to i32
  %label = load i32, ptr @label
  call void @edge(i32 %from.32, i32 %to, i32 %label)
  ret void
}

define internal i64 @hash(ptr %words) {
  br label %loop
loop:
  %i = phi i32 [ 0, %0 ], [ %i.1, %loop ]
  %h = phi i64 [ 0, %0 ], [ %h.4, %loop ]
  %word.p = getelementptr i64, ptr %words, i32 %i
  %word = load i64, ptr %word.p
  %h.1 = xor i64 %h, %word
  %h.2 = mul i64 %h.1, -7046029254386353131
  %h.3 = lshr i64 %h.2, 29
  %h.4 = xor i64 %h.2, %h.3
  %i.1 = add i32 %i, 1
  %more = icmp slt i32 %i.1, $words
  br i1 %more, label %loop, label %done
done:
  %r.1 = mul i64 %h.4, -4658895280553007687
  %r.2 = lshr i64 %r.1, 32
  %r = xor i64 %r.1, %r.2
  ret i64 %r
}

define internal ptr @entry(i64 %hash) {
  %mask = load i64, ptr @mask
  %at = and i64 %hash, %mask
  %table = load ptr, ptr @table
  %entry = getelementptr i32, ptr %table, i64 %at
  ret ptr %entry
}

; The successor in @work joins those that wait.
define internal void @push(i64 %from) {
  %n = load i32, ptr @nwaiting
  %words = getelementptr [$words x i64], ptr @waiting, i32 %n
  call void @pack(ptr %words)
  %hash = call i64 @hash(ptr %words)
  %hash.p = getelementptr i64, ptr @hashes, i32 %n
  store i64 %hash, ptr %hash.p
  %from.32 = trunc i64 %from to i32
  %from.p = getelementptr i32, ptr @origins, i32 %n
  store i32 %from.32, ptr %from.p
  %label = load i32, ptr @label
  %label.p = getelementptr i32, ptr @labels, i32 %n
  store i32 %label, ptr %label.p
  %entry = call ptr @entry(i64 %hash)
  call void @llvm.prefetch.p0(ptr %entry, i32 0, i32 3, i32 1)
  %n.1 = add i32 %n, 1
  store i32 %n.1, ptr @nwaiting
  %all = icmp eq i32 %n.1, $waiting
  br i1 %all, label %full, label %out
full:
  call void @flush()
  br label %out
out:
  ret void
}

; Those that wait are looked up, and kept where new, in order.
define internal void @flush() {
  %n = load i32, ptr @nwaiting
  %any = icmp sgt i32 %n, 0
  br i1 %any, label %fetch, label %out
fetch:
  %j = phi i32 [ 0, %0 ], [ %j.1, %fetch ]
  %h.p = getelementptr i64, ptr @hashes, i32 %j
  %h = load i64, ptr %h.p
  %e.p = call ptr @entry(i64 %h)
  %e = load i32, ptr %e.p
  %e.64 = zext i32 %e to i64
  %at = call ptr @state(i64 %e.64)
  call void @llvm.prefetch.p0(ptr %at, i32 0, i32 3, i32 1)
  %j.1 = add i32 %j, 1
  %j.more = icmp slt i32 %j.1, %n
  br i1 %j.more, label %fetch, label %insert
insert:
  %i = phi i32 [ 0, %fetch ], [ %i.1, %insert ]
  call void @insert(i32 %i)
  %i.1 = add i32 %i, 1
  %more = icmp slt i32 %i.1, %n
  br i1 %more, label %insert, label %done
done:
  store i32 0, ptr @nwaiting
  br label %out
out:
  ret void
}

; The table holds number + 1, 0 for an empty entry; @state gives the address for that.
define internal ptr @state(i64 %number.1) {
  %number = add i64 %number.1, -1
  %states = load ptr, ptr @states
  %at = getelementptr [$words x i64], ptr %states, i64 %number
  ret ptr %at
}

define internal void @insert(i32 %i) {
  %words = getelementptr [$words x i64], ptr @waiting, i32 %i
  %hash.p = getelementptr i64, ptr @hashes, i32 %i
  %hash = load i64, ptr %hash.p
  br label %probe
probe:
  %h = phi i64 [ %hash, %0 ], [ %h.1, %differs ]
  %entry = call ptr @entry(i64 %h)
  %e = load i32, ptr %entry
  %empty = icmp eq i32 %e, 0
  br i1 %empty, label %new, label %same
same:
  %e.64 = zext i32 %e to i64
  %old = call ptr @state(i64 %e.64)
  br label %compare
compare:
  %w = phi i32 [ 0, %same ], [ %w.1, %equal ]
  %a.p = getelementptr i64, ptr %old, i32 %w
  %a = load i64, ptr %a.p
  %b.p = getelementptr i64, ptr %words, i32 %w
  %b = load i64, ptr %b.p
  %agree = icmp eq i64 %a, %b
  br i1 %agree, label %equal, label %differs
equal:
  %w.1 = add i32 %w, 1
  %more = icmp slt i32 %w.1, $words
  br i1 %more, label %compare, label %known
differs:
  %h.1 = add i64 %h, 1
  br label %probe
new:
  %count = load i64, ptr @count
  %count.1 = add i64 %count, 1
  store i64 %count.1, ptr @count
  %count.32 = trunc i64 %count.1 to i32
  store i32 %count.32, ptr %entry
  %new.p = call ptr @state(i64 %count.1)
  call void @llvm.memcpy.p0.p0.i64(ptr %new.p, ptr %words, i64 $state_bytes, i1 false)
  %origin.p = getelementptr i32, ptr @origins, i32 %i
  %origin = load i32, ptr %origin.p
  %parents = load ptr, ptr @parents
  %parent.p = getelementptr i32, ptr %parents, i64 %count
  store i32 %origin, ptr %parent.p
  br label %known
known:
  %number.1 = phi i64 [ %e.64, %equal ], [ %count.1, %new ]
  br i1 $edges, label %record, label %out
record:
  %from.p = getelementptr i32, ptr @origins, i32 %i
  %from = load i32, ptr %from.p
  %number = add i64 %number.1, -1
  %to = trunc i64 %number to i32
  %label.p = getelementptr i32, ptr @labels, i32 %i
  %label = load i32, ptr %label.p
  call void @edge(i32 %from, i32 %to, i32 %label)
  br label %out
out:
  ret void
}

; Enter the states from .. to-1, known to be different, in an empty table.
define void @rehash(i64 %from, i64 %to) {
  br label %loop
loop:
  %at = phi i64 [ %from, %0 ], [ %at.1, %put ]
  %more = icmp ult i64 %at, %to
  br i1 %more, label %one, label %out
one:
  %at.1 = add i64 %at, 1
  %words = call ptr @state(i64 %at.1)
  %hash = call i64 @hash(ptr %words)
  br label %probe
probe:
  %h = phi i64 [ %hash, %one ], [ %h.1, %taken ]
  %entry = call ptr @entry(i64 %h)
  %e = load i32, ptr %entry
  %empty = icmp eq i32 %e, 0
  br i1 %empty, label %put, label %taken
taken:
  %h.1 = add i64 %h, 1
  br label %probe
put:
  %number = trunc i64 %at.1 to i32
  store i32 %number, ptr %entry
  br label %loop
out:
  ret void
}

define internal void @load(i64 %number) {
  %number.1 = add i64 %number, 1
  %words = call ptr @state(i64 %number.1)
  call void @unpack(ptr %words)
  call void @llvm.memcpy.p0.p0.i64(ptr align 64 @work, ptr align 64 @before, i64 $copied, i1 false)
  ret void
}

; Ask the queries that hold of initial states; a hit is noted as -2 - number.
define void @begin(i64 %number) {
  call void @load(i64 %number)
  %code = sub i64 -2, %number
  call void @ask_initial(i64 %code)
  ret void
}

; For the states from .. to-1: which marks hold, one bit each.
define void @marks(i64 %from, i64 %to, ptr %out) {
  br label %loop
loop:
  %at = phi i64 [ %from, %0 ], [ %at.1, %one ]
  %more = icmp ult i64 %at, %to
  br i1 %more, label %one, label %done
one:
  call void @load(i64 %at)
  %bits = call i64 @mark()
  %i = sub i64 %at, %from
  %bits.p = getelementptr i64, ptr %out, i64 %i
  store i64 %bits, ptr %bits.p
  %at.1 = add i64 %at, 1
  br label %loop
done:
  ret void
}

; Expand states from .. to-1 until the budget of attempts or the room is used up, or every query is hit, or every wanted row
; has fired; the next to expand. @missing is negative where no rows are wanted.
define i64 @expand(i64 %from, i64 %to, i64 %budget) {
  store i64 0, ptr @attempts
  br label %loop
loop:
  %at = phi i64 [ %from, %0 ], [ %at.1, %one ]
  %more = icmp ult i64 %at, %to
  br i1 %more, label %roomy, label %out
roomy:
  %count = load i64, ptr @count
  %need = add i64 %count, $room
  %capacity = load i64, ptr @capacity
  %kept = icmp ule i64 %need, %capacity
  %edges = load i64, ptr @edge_count
  %edges.need = add i64 %edges, $edge_room
  %edges.most = load i64, ptr @edge_capacity
  %recorded = icmp ule i64 %edges.need, %edges.most
  %fits = and i1 %kept, %recorded
  %attempts = load i64, ptr @attempts
  %time = icmp ult i64 %attempts, %budget
  %hits = load i64, ptr @hits
  %enough = load i64, ptr @enough
  %open = icmp slt i64 %hits, %enough
  %missing = load i64, ptr @missing
  %wanting = icmp ne i64 %missing, 0
  %both = and i1 %fits, %time
  %still = and i1 %open, %wanting
  %go = and i1 %both, %still
  br i1 %go, label %one, label %out
one:
  %attempts.1 = add i64 %attempts, 4
  store i64 %attempts.1, ptr @attempts
  call void @load(i64 %at)
  %status = call i32 @stimuli(i64 %at)
  %at.1 = add i64 %at, 1
  %bad = icmp eq i32 %status, $impossible
  br i1 %bad, label %fail, label %loop
fail:
  store i64 1, ptr @failed
  br label %out
out:
  %result = phi i64 [ %at, %loop ], [ %at, %roomy ], [ %at, %fail ]
  call void @flush()
  ret i64 %result
}
