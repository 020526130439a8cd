-- Every request by the method that is wrk's argument after "--".
function init(args)
  wrk.method = args[1]
  if args[1] == "POST" then wrk.headers["Content-Length"] = "0" end
end
